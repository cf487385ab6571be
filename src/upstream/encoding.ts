import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'

const decoders = new Map([
  ['gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
])

/**
 * @param encoding of an answer: its `Content-Encoding`.
 * @returns undefined when it can't be decoded: cut off, larger than `sizeBytesMax`, encoded in a way
 * that nobody asked for, or more than once.
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
  } catch {
    return undefined
  }
}
