import type { FileHandle } from 'node:fs/promises'
import { BadArchive } from './problem.ts'

const sliceBytes = 64 * 1024
/** More than any header with its name, extra fields and comment, and than the longest end record. */
const windowBytes = 256 * 1024

/** A file that is read through one buffer, whatever its size. */
export interface Window {
  readonly sizeBytes: number
  /**
   * Up to 256 KiB of the file, valid until the next call.
   *
   * @throws BadArchive when the file has no such bytes, whatever it says itself.
   */
  readonly bytes: (offset: number, length: number) => Promise<Buffer>
}

export function openWindow(file: FileHandle, sizeBytes: number): Window {
  const buffer = Buffer.alloc(Math.min(windowBytes, sizeBytes))
  let begin = 0
  let end = 0

  async function move(offset: number): Promise<void> {
    begin = offset
    end = offset
    while (end < Math.min(offset + buffer.length, sizeBytes)) {
      const { bytesRead } = await file.read(buffer, end - begin, buffer.length - (end - begin), end)
      if (bytesRead === 0) throw new Error(`the file ends before byte ${sizeBytes}`)
      end += bytesRead
    }
  }

  async function bytes(offset: number, length: number): Promise<Buffer> {
    if (offset + length > sizeBytes)
      throw new BadArchive('it is cut off, or names bytes that it does not have')
    if (length > buffer.length) throw new Error(`${length} bytes are more than a window has`)
    if (offset < begin || offset + length > end) await move(offset)
    return buffer.subarray(offset - begin, offset - begin + length)
  }

  return { sizeBytes, bytes }
}

/** A part of a file, a slice after the other; each is valid for good. */
export async function* slicesOf(
  file: Window,
  { from, to }: { readonly from: number; readonly to: number },
): AsyncGenerator<Buffer> {
  for (let at = from; at < to; at += sliceBytes) {
    yield Buffer.from(await file.bytes(at, Math.min(sliceBytes, to - at)))
  }
}
