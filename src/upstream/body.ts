import type { Readable } from 'node:stream'
import { UpstreamFailure } from './failures.ts'

/** @throws UpstreamFailure `too_large` once more than `sizeBytesMax` have arrived; the rest isn't read. */
export async function collect(body: Readable, sizeBytesMax: number): Promise<Buffer> {
  const arriving: AsyncIterable<Buffer> = body
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of arriving) {
    sizeBytes += chunk.length
    if (sizeBytes > sizeBytesMax) throw tooLarge(sizeBytesMax)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const discardedBytesMax = 65_536

/** Reads to the end what is short, so that its connection can be used again. Never throws. */
export async function discard(body: Readable): Promise<undefined> {
  await collect(body, discardedBytesMax).catch(() => undefined)
}

export function tooLarge(sizeBytesMax: number): UpstreamFailure {
  return new UpstreamFailure('too_large', `more than ${sizeBytesMax} bytes`)
}
