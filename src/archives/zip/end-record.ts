import { centralSignature, localSignature, uint64 } from './headers.ts'
import { entriesMax, namesBytesMax } from '../entries/limits.ts'
import { BadArchive } from '../entries/problem.ts'
import type { Window } from '../entries/window.ts'

/** Where the central directory is, and what the end of the file says about it. */
export interface End {
  readonly entryCount: number
  readonly directoryOffset: number
  readonly directoryEnd: number
}

const endSignature = Buffer.from('PK\x05\x06', 'latin1')
const end64Signature = 0x06064b50
const locator64Signature = 0x07064b50
const endBytes = 22
const locator64Bytes = 20
const end64Bytes = 56
const commentBytesMax = 0xffff
/** More are no accident, and each costs a read. */
const otherEndsMax = 1000

/** Finds the one end record, whose comment has to end with the file. */
export async function readEnd(file: Window): Promise<End> {
  const [last, ...others] = (await findEnds(file)).toReversed()
  if (last === undefined) {
    const begin = await signatureAt(file, 0)
    throw new BadArchive(begin === localSignature ? 'it is cut off' : 'it is not a zip')
  }
  const record = Buffer.from(await file.bytes(last, endBytes))
  if (last + endBytes + record.readUInt16LE(20) !== file.sizeBytes) {
    throw new BadArchive('it is cut off, or something follows its end')
  }
  if (others.length > otherEndsMax) throw new BadArchive('it has more than one end')
  for (const other of others) {
    if (await isAnotherEnd(file, other)) throw new BadArchive('it has more than one end')
  }
  return checked((await readEnd64(file, last, record)) ?? fieldsOf(record, last))
}

/** Wherever an end record could be. */
async function findEnds(file: Window): Promise<readonly number[]> {
  const tailOffset = Math.max(0, file.sizeBytes - endBytes - commentBytesMax)
  const tail = await file.bytes(tailOffset, file.sizeBytes - tailOffset)
  const positions: number[] = []
  for (let at = tail.indexOf(endSignature); at !== -1; at = tail.indexOf(endSignature, at + 1)) {
    positions.push(tailOffset + at)
  }
  return positions
}

interface Fields {
  readonly position: number
  readonly disks: readonly number[]
  readonly counts: readonly [number, number]
  readonly directoryBytes: number
  readonly directoryOffset: number
}

function fieldsOf(record: Buffer, position: number): Fields {
  return {
    position,
    disks: [record.readUInt16LE(4), record.readUInt16LE(6)],
    counts: [record.readUInt16LE(8), record.readUInt16LE(10)],
    directoryBytes: record.readUInt32LE(12),
    directoryOffset: record.readUInt32LE(16),
  }
}

function checked({ position, disks, counts, directoryBytes, directoryOffset }: Fields): End {
  if (disks.some((disk) => disk !== 0)) throw new BadArchive('it is a part of a split zip')
  if (counts[0] !== counts[1]) throw new BadArchive('its end has two numbers of entries')
  if (counts[0] > entriesMax) throw new BadArchive(`it has more than ${entriesMax} entries`)
  if (directoryBytes > namesBytesMax) throw new BadArchive('its directory is too large')
  if (directoryOffset + directoryBytes !== position) {
    throw new BadArchive('its directory is not where its end says')
  }
  return { entryCount: counts[0], directoryOffset, directoryEnd: position }
}

/** The ZIP64 end record, when there is one: it has to agree with each field that isn't left to it. */
async function readEnd64(
  file: Window,
  position: number,
  record: Buffer,
): Promise<Fields | undefined> {
  const locatorPosition = position - locator64Bytes
  if ((await signatureAt(file, locatorPosition)) !== locator64Signature) return undefined
  const locator = await file.bytes(locatorPosition, locator64Bytes)
  const position64 = uint64(locator, 8)
  const isWhole =
    locator.readUInt32LE(4) === 0 &&
    locator.readUInt32LE(16) <= 1 &&
    position64 + end64Bytes === locatorPosition
  if (!isWhole) throw new BadArchive('its ZIP64 end is not where it should be')
  const record64 = await file.bytes(position64, end64Bytes)
  // A longer one has room for bytes that nobody looks at.
  if (record64.readUInt32LE(0) !== end64Signature || uint64(record64, 4) !== end64Bytes - 12) {
    throw new BadArchive('its ZIP64 end is damaged')
  }
  const end64: Fields = {
    position: position64,
    disks: [record64.readUInt32LE(16), record64.readUInt32LE(20)],
    counts: [uint64(record64, 24), uint64(record64, 32)],
    directoryBytes: uint64(record64, 40),
    directoryOffset: uint64(record64, 48),
  }
  if (!agree(fieldsOf(record, position), end64)) throw new BadArchive('its two ends disagree')
  return end64
}

function agree(end: Fields, end64: Fields): boolean {
  const small = [...end.disks, ...end.counts].every((value, index) => {
    return value === 0xffff || value === [...end64.disks, ...end64.counts][index]
  })
  return (
    small &&
    [end64.directoryBytes, 0xffffffff].includes(end.directoryBytes) &&
    [end64.directoryOffset, 0xffffffff].includes(end.directoryOffset)
  )
}

/**
 * Whether some reader could take this for the end of the archive. Readers search forwards or
 * backwards, and forgive different things. The end of a zip that is packed into this one is no such:
 * its offsets count from its own beginning.
 */
async function isAnotherEnd(file: Window, position: number): Promise<boolean> {
  const record = await file.bytes(position, endBytes)
  const { directoryOffset } = fieldsOf(record, position)
  if (position + endBytes + record.readUInt16LE(20) === file.sizeBytes) return true
  if ((await signatureAt(file, directoryOffset)) === centralSignature) return true
  const locatorPosition = position - locator64Bytes
  if ((await signatureAt(file, locatorPosition)) !== locator64Signature) return false
  const position64 = uint64(await file.bytes(locatorPosition, locator64Bytes), 8)
  return (await signatureAt(file, position64)) === end64Signature
}

async function signatureAt(file: Window, offset: number): Promise<number | undefined> {
  if (offset < 0 || offset + 4 > file.sizeBytes) return undefined
  return (await file.bytes(offset, 4)).readUInt32LE(0)
}
