import type { Entry } from './directory.ts'
import { descriptorFlag, headerAt, localSignature, uint64, withExtra } from './headers.ts'
import { pathOfName } from '../entries/paths.ts'
import { badEntry } from '../entries/problem.ts'
import type { Window } from '../entries/window.ts'

const headerBytes = 30
const descriptorSignature = 0x08074b50
/** By its length: a CRC-32 and two sizes of 32 or 64 bits, after a signature or not. */
const descriptorLayouts = new Map([
  [12, { begins: 0, isWide: false }],
  [16, { begins: 4, isWide: false }],
  [20, { begins: 0, isWide: true }],
  [24, { begins: 4, isWide: true }],
])

/** CRC-32, packed and unpacked size, as one of the three places says that has them. */
type Measures = readonly [number, number, number]

/**
 * Compares an entry's local header, and the data descriptor behind its content, with the directory.
 * Together they have to fill the file up to `next`, so that nothing is hidden between two entries.
 *
 * @returns where the content begins.
 */
export async function findContent(file: Window, entry: Entry, next: number): Promise<number> {
  const { isSame, measures, contentOffset } = await readLocal(file, entry)
  const hasDescriptor = (entry.flags & descriptorFlag) !== 0
  if (!isSame || !agree(measures, entry, hasDescriptor)) {
    throw badEntry(entry.number, 'is another one in its own header')
  }
  const end = contentOffset + entry.packedBytes
  if (end > next) throw badEntry(entry.number, 'overlaps what follows it')
  if (!hasDescriptor && end < next) {
    throw badEntry(entry.number, 'has bytes after it that belong to none')
  }
  // Some writers announce a descriptor, know everything already, and leave it out.
  const described = end === next ? measures : await readDescriptor(file, end, next - end)
  if (described === undefined || !agree(described, entry, false)) {
    throw badEntry(entry.number, 'is another one in its data descriptor')
  }
  return contentOffset
}

async function readLocal(
  file: Window,
  entry: Entry,
): Promise<{
  readonly isSame: boolean
  readonly measures: Measures
  readonly contentOffset: number
}> {
  const fixed = await file.bytes(entry.offset, headerBytes)
  if (fixed.readUInt32LE(0) !== localSignature) {
    throw badEntry(entry.number, 'is not where the directory says')
  }
  const header = headerAt(fixed, 6)
  const extraAt = headerBytes + header.nameBytes
  const bytes = await file.bytes(entry.offset, extraAt + header.extraBytes)
  const name = bytes.subarray(headerBytes, extraAt)
  const [sizeBytes = 0, packedBytes = 0] = withExtra([header.sizeBytes, header.packedBytes], {
    entryNumber: entry.number,
    name,
    bytes: bytes.subarray(extraAt),
  })
  const text = name.toString('latin1')
  const isSame =
    header.flags === entry.flags &&
    header.method === entry.method &&
    pathOfName(text).path === entry.path &&
    text.endsWith('/') === (entry.kind === 'directory')
  const contentOffset = entry.offset + bytes.length
  return { isSame, measures: [header.crc32, packedBytes, sizeBytes], contentOffset }
}

async function readDescriptor(
  file: Window,
  position: number,
  length: number,
): Promise<Measures | undefined> {
  const layout = descriptorLayouts.get(length)
  if (layout === undefined) return undefined
  const { begins, isWide } = layout
  const bytes = await file.bytes(position, length)
  if (begins !== 0 && bytes.readUInt32LE(0) !== descriptorSignature) return undefined
  const crc32 = bytes.readUInt32LE(begins)
  return isWide
    ? [crc32, uint64(bytes, begins + 4), uint64(bytes, begins + 12)]
    : [crc32, bytes.readUInt32LE(begins + 4), bytes.readUInt32LE(begins + 8)]
}

/** @param mayBeZero zero then stands for "see the descriptor": some writers say so of all, some of few. */
function agree(
  [crc32, packedBytes, sizeBytes]: Measures,
  entry: Entry,
  mayBeZero: boolean,
): boolean {
  const pairs: readonly (readonly [number, number])[] = [
    [crc32, entry.crc32],
    [packedBytes, entry.packedBytes],
    [sizeBytes, entry.sizeBytes],
  ]
  return pairs.every(([found, expected]) => found === expected || (mayBeZero && found === 0))
}
