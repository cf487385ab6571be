import { open } from 'node:fs/promises'
import type { Sha256 } from '../events/types.ts'
import type { Blob, ByteRange } from './blobs.ts'

/** Those who wait for the same download begin to read it at once. */
const beginWithinMs = 10_000
const sliceBytes = 256 * 1024

/**
 * A checked download, to be served from its file to those who waited for it: they get it even when it
 * isn't kept, or is evicted at once. The file may be removed: it lives until the last of them has it.
 */
export async function openStaged(
  path: string,
  { sha256, sizeBytes }: { readonly sha256: Sha256; readonly sizeBytes: number },
): Promise<Blob> {
  const file = await open(path)
  let users = 1

  function leave(): void {
    users -= 1
    // Closing fails only for what is closed already.
    if (users === 0) void file.close().catch(() => undefined)
  }
  // Begins with the first read: answers to HEAD are never read.
  async function* bytes(range?: ByteRange): AsyncGenerator<Buffer> {
    const { from, to } = range ?? { from: 0, to: sizeBytes }
    if (users === 0) throw new Error(`nobody read the download ${sha256} in time`)
    users += 1
    try {
      for (let offset = from; offset < to;) {
        const { bytesRead, buffer } = await file.read(
          Buffer.alloc(sliceBytes),
          0,
          Math.min(sliceBytes, to - offset),
          offset,
        )
        if (bytesRead === 0) throw new Error(`the download ${sha256} was cut off`)
        offset += bytesRead
        yield buffer.subarray(0, bytesRead)
      }
    } finally {
      leave()
    }
  }
  setTimeout(leave, beginWithinMs).unref()
  return { sha256, sizeBytes, bytes }
}
