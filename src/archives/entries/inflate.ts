import { pipeline } from 'node:stream/promises'
import { createInflateRaw } from 'node:zlib'
import { slicesOf, type Window } from './window.ts'

const chunkBytes = 64 * 1024

/** What zlib says of bytes; all else that it says is about this process. */
const problems = new Map<unknown, string>([
  ['Z_DATA_ERROR', "can't be unpacked"],
  ['Z_BUF_ERROR', 'has a content that is cut off'],
  ['Z_NEED_DICT', "can't be unpacked"],
  ['ERR_BUFFER_TOO_LARGE', 'is larger than it says'],
])

/** A clause about what was unpacked; undefined when the error isn't about its bytes. */
export function problemOfDeflated(error: unknown): string | undefined {
  return problems.get(error instanceof Error && 'code' in error ? error.code : undefined)
}

/**
 * Deflated bytes of a file, unpacked as they go by: the threads of zlib do the work, a chunk at a time.
 *
 * @returns how many of the packed bytes were needed: others after their end would be seen by nobody.
 */
export async function* inflate(
  file: Window,
  range: { readonly from: number; readonly to: number },
): AsyncGenerator<Buffer, number> {
  const inflated = createInflateRaw({ chunkSize: chunkBytes })
  // What it fails with, whoever reads gets too.
  const feeding = pipeline(slicesOf(file, range), inflated).catch(() => undefined)
  try {
    for await (const chunk of inflated) yield bytesOf(chunk)
    return inflated.bytesWritten
  } finally {
    inflated.destroy()
    await feeding
  }
}

/** Streams say of nothing what it is. */
export function bytesOf(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk
  throw new TypeError('an archive is read as bytes')
}
