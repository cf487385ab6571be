import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** Of memory that a connection receives into; larger ones measured alike. */
const landingBytes = 128 * 1024

/** Gets what a connection receives. The bytes are good during the call only. */
export type Receiver = (bytes: Buffer) => void

const landings = new WeakMap<Duplex, { receiver: Receiver | undefined }>()

/**
 * A socket for pg that receives into the same memory over and over, where Node would take 64 KiB anew for
 * each read and leave them to the garbage collector: while archives were read, that was most of what the
 * process grew by. pg, which keeps parts of what it gets, is given copies: they are small, since whoever
 * reads much is a receiver.
 */
export function createReceivingSocket(): Socket {
  const landing: { receiver: Receiver | undefined } = { receiver: undefined }
  const buffer = Buffer.allocUnsafeSlow(landingBytes)
  const options = {
    allowHalfOpen: false,
    onread: {
      buffer,
      callback(count: number) {
        const bytes = buffer.subarray(0, count)
        if (landing.receiver === undefined) socket.emit('data', Buffer.from(bytes))
        else landing.receiver(bytes)
        return true
      },
    },
  }
  const socket = new Socket(options)
  landings.set(socket, landing)
  return socket
}

/**
 * Gives what a connection receives to `receiver` alone, until told otherwise by `undefined`.
 *
 * @returns false when it is no such socket, as with TLS.
 */
export function receiveFrom(stream: Duplex, receiver: Receiver | undefined): boolean {
  const landing = landings.get(stream)
  if (landing === undefined) return false
  landing.receiver = receiver
  return true
}
