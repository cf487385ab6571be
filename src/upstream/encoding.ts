import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import { tooLarge } from './body.ts'

const decoders = new Map([
  ['gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
])

/**
 * @param encoding of an answer: its `Content-Encoding`.
 * @returns undefined when it can't be decoded: cut off, encoded in a way that nobody asked for, or more
 * than once.
 * @throws UpstreamFailure `too_large` when it becomes larger than `sizeBytesMax`.
 */
export async function decode(
  body: Buffer,
  encoding: string | undefined,
  sizeBytesMax: number,
): Promise<Buffer | undefined> {
  const name = encoding?.toLowerCase() ?? 'identity'
  if (name === 'identity' || body.length === 0) return body
  try {
    return await decoders.get(name)?.(body, { maxOutputLength: sizeBytesMax })
  } catch (error) {
    if (isTooLarge(error)) throw tooLarge(sizeBytesMax)
    return undefined
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
}
