import { crc32 } from 'node:zlib'
import { inflate, problemOfDeflated } from '../entries/inflate.ts'
import { BadArchive } from '../entries/problem.ts'
import type { Window } from '../entries/window.ts'

const headerBytes = 10
const trailerBytes = 8
/** Of its header, with the name of the file and a comment: real ones have a few hundred at most. */
const beginningBytesMax = 64 * 1024
const deflated = 8
const extraFlag = 0x04
const nameFlag = 0x08
const commentFlag = 0x10
const crcFlag = 0x02
const unknownFlags = 0xe0

/**
 * A gzip file, unpacked as it goes by.
 *
 * @throws BadArchive for one that is damaged, and for whatever follows its first part: gzip would unpack
 * it as well, and PHP would not.
 */
export async function* gunzip(file: Window): AsyncGenerator<Buffer> {
  const range = { from: await contentBegin(file), to: file.sizeBytes - trailerBytes }
  if (range.from > range.to) throw cutOff()
  let sizeBytes = 0
  let crc = 0
  try {
    for await (const chunk of inflateAll(file, range)) {
      sizeBytes += chunk.length
      crc = crc32(chunk, crc)
      yield chunk
    }
  } catch (error) {
    const problem = problemOfDeflated(error)
    throw problem === undefined ? error : new BadArchive(`it ${problem}`)
  }
  const trailer = await file.bytes(range.to, trailerBytes)
  if (trailer.readUInt32LE(0) !== crc) throw new BadArchive('it does not have its CRC-32')
  // Of larger ones, the remainder.
  if (trailer.readUInt32LE(4) !== sizeBytes % 2 ** 32) {
    throw new BadArchive('it is not as large as it says')
  }
}

async function* inflateAll(
  file: Window,
  range: { readonly from: number; readonly to: number },
): AsyncGenerator<Buffer> {
  const readBytes = yield* inflate(file, range)
  if (readBytes === range.to - range.from) return
  throw new BadArchive('it has bytes after the end of its content')
}

function cutOff(): BadArchive {
  return new BadArchive('it is cut off')
}

/** Where the deflated bytes begin. */
async function contentBegin(file: Window): Promise<number> {
  const beginning = await file.bytes(0, Math.min(beginningBytesMax, file.sizeBytes))
  if (beginning.length < headerBytes + trailerBytes) throw cutOff()
  const flags = beginning.readUInt8(3)
  if (beginning.readUInt8(2) !== deflated || (flags & unknownFlags) !== 0) {
    throw new BadArchive('it is packed in an unknown way')
  }
  let at = headerBytes
  if ((flags & extraFlag) !== 0) at += 2 + beginning.readUInt16LE(at)
  if ((flags & nameFlag) !== 0) at = afterText(beginning, at)
  if ((flags & commentFlag) !== 0) at = afterText(beginning, at)
  return (flags & crcFlag) === 0 ? at : at + 2
}

function afterText(beginning: Buffer, at: number): number {
  const end = beginning.indexOf(0, at)
  if (end === -1) throw new BadArchive('its header is too long, or cut off')
  return end + 1
}
