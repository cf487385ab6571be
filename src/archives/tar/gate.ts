import { BadArchive, badEntry } from '../entries/problem.ts'
import { type ByteSource, createByteSource } from './byte-source.ts'
import {
  checkAgreement,
  type Extended,
  extendedBytesMax,
  isZero,
  nothingExtended,
  withExtended,
} from './extended.ts'
import { blockBytes, type Header, headerIn } from './header.ts'

/**
 * Passes the entries of a tar on to tar-stream, and refuses what that forgives: bytes that belong to no
 * entry, an end that is missing or isn't the end, and all that another reader would take differently.
 * pax headers aren't passed on: what may be in them says nothing new.
 */
export async function* gated(chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  const source = createByteSource(chunks)
  let extended = nothingExtended
  let block = await source.exactly(blockBytes)
  checkBeginning(block)
  for (let entryNumber = 1; !isZero(block); block = await source.exactly(blockBytes)) {
    const header = headerIn(block, entryNumber)
    if (header.type === 'file' || header.type === 'other') {
      checkAgreement(header, extended, entryNumber)
      yield block
      yield* contentOf(header, source, entryNumber)
      extended = nothingExtended
      entryNumber += 1
      continue
    }
    const body = await extendedBody(header, source, entryNumber)
    const { type, sizeBytes } = header
    extended = withExtended(extended, { type, body: body.subarray(0, sizeBytes) }, entryNumber)
    if (!type.startsWith('pax')) yield Buffer.concat([block, body])
  }
  await checkEnd(extended, source)
}

/** How other archives begin, which PHP looks for first, whatever the file is called. */
const otherMagics = ['PK\x03\x04', '\x1f\x8b\x08', 'BZh'].map((text) => Buffer.from(text, 'latin1'))

function checkBeginning(block: Buffer): void {
  if (otherMagics.some((other) => block.subarray(0, other.length).equals(other))) {
    throw new BadArchive('it begins like another type of archive')
  }
}

async function* contentOf(
  { sizeBytes }: Header,
  source: ByteSource,
  entryNumber: number,
): AsyncGenerator<Buffer> {
  yield* source.pieces(sizeBytes)
  const padding = await source.exactly(paddingBytes(sizeBytes))
  if (!isZero(padding)) throw badEntry(entryNumber, 'has bytes after it that belong to none')
  if (padding.length > 0) yield padding
}

/** With its padding, which has to be of zeros as well. */
async function extendedBody(
  { sizeBytes }: Header,
  source: ByteSource,
  entryNumber: number,
): Promise<Buffer> {
  if (sizeBytes > extendedBytesMax) throw badEntry(entryNumber, 'has a header that is too long')
  const body = await source.exactly(sizeBytes + paddingBytes(sizeBytes))
  if (isZero(body.subarray(sizeBytes))) return body
  throw badEntry(entryNumber, 'has bytes after it that belong to none')
}

function paddingBytes(sizeBytes: number): number {
  return -sizeBytes & (blockBytes - 1)
}

/** Two blocks of zeros; then there may be more, since tapes have larger blocks. */
async function checkEnd({ types }: Extended, source: ByteSource): Promise<void> {
  const isEnd = isZero(await source.exactly(blockBytes)) && types.length === 0
  if (!isEnd) throw new BadArchive('it goes on behind its end')
  for await (const piece of source.rest()) {
    if (!isZero(piece)) throw new BadArchive('something follows its end')
  }
}
