import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** Of memory that a connection receives into; larger ones measured alike. */
const landingBytes = 128 * 1024
/** For a receiver that says where most belongs: what comes before that and after is little. */
const betweenBytes = 4 * 1024

export interface Receiver {
  /** Gets what a connection receives. The bytes are good during the call only, but for those put in their place. */
  readonly take: (bytes: Buffer) => void
  /** Where to put what comes next; undefined, or no bytes long: anywhere. */
  readonly place: () => Buffer | undefined
}

const landings = new WeakMap<Duplex, { receiver: Receiver | undefined }>()

/**
 * A socket for pg that receives into the same memory over and over, where Node would take 64 KiB anew for
 * each read and leave them to the garbage collector: while archives were read, that was most of what the
 * process grew by. pg, which keeps parts of what it gets, is given copies: they are small, since whoever
 * reads much is a receiver.
 */
export function createReceivingSocket(): Socket {
  const landing: { receiver: Receiver | undefined } = { receiver: undefined }
  const memory = Buffer.allocUnsafeSlow(landingBytes)
  const between = memory.subarray(0, betweenBytes)
  const options = {
    allowHalfOpen: false,
    onread: {
      buffer() {
        const { receiver } = landing
        if (receiver === undefined) return memory
        const place = receiver.place()
        return place === undefined || place.length === 0 ? between : place
      },
      callback(count: number, buffer: Uint8Array) {
        const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, count)
        if (landing.receiver === undefined) socket.emit('data', Buffer.from(bytes))
        else landing.receiver.take(bytes)
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
