import { badEntry } from '../entries/problem.ts'

export const localSignature = 0x04034b50
export const centralSignature = 0x02014b50

export const encryptedFlags = 0x2041
export const descriptorFlag = 0x0008
export const patchFlag = 0x0020
/** The name is in UTF-8. */
export const utf8Flag = 0x0800
/** How hard the writer tried; some say it in one header only. */
const levelFlags = 0x0006

const zip64Id = 0x0001
const unicodePathId = 0x7075
const unicodePathBegins = 5
const leftToZip64 = 0xffffffff

/** What the local and the central header of an entry both have, in the same layout. */
export interface Header {
  /** Without those that change nothing. */
  readonly flags: number
  readonly method: number
  readonly crc32: number
  readonly packedBytes: number
  readonly sizeBytes: number
  readonly nameBytes: number
  readonly extraBytes: number
}

export function headerAt(bytes: Buffer, at: number): Header {
  return {
    flags: bytes.readUInt16LE(at) & ~levelFlags,
    method: bytes.readUInt16LE(at + 2),
    crc32: bytes.readUInt32LE(at + 8),
    packedBytes: bytes.readUInt32LE(at + 12),
    sizeBytes: bytes.readUInt32LE(at + 16),
    nameBytes: bytes.readUInt16LE(at + 20),
    extraBytes: bytes.readUInt16LE(at + 22),
  }
}

/**
 * Those numbers of a header that it leaves to its ZIP64 field are taken from there, in this order. The
 * other field that matters, a second name, is refused when it isn't the first once more: unzip and PHP
 * would prefer it, others don't know it, so that it would be open where the file ends up.
 *
 * @param extra.entryNumber for the error.
 */
export function withExtra(
  numbers: readonly number[],
  extra: { readonly entryNumber: number; readonly name: Buffer; readonly bytes: Buffer },
): readonly number[] {
  if (extra.bytes.length === 0) return numbers
  const fields = extraFields(extra)
  const unicodePath = fields.get(unicodePathId)
  if (unicodePath !== undefined && !unicodePath.subarray(unicodePathBegins).equals(extra.name)) {
    throw badEntry(extra.entryNumber, 'has two names')
  }
  const zip64 = fields.get(zip64Id)
  let at = 0
  return numbers.map((number) => {
    if (number !== leftToZip64 || zip64 === undefined) return number
    at += 8
    if (at > zip64.length) throw badEntry(extra.entryNumber, 'has too short a ZIP64 field')
    return uint64(zip64, at - 8)
  })
}

function extraFields({
  entryNumber,
  bytes,
}: {
  readonly entryNumber: number
  readonly bytes: Buffer
}): ReadonlyMap<number, Buffer> {
  const fields = new Map<number, Buffer>()
  // Less than a whole field at the end is padding, by which some writers align contents.
  for (let at = 0; at + 4 <= bytes.length;) {
    const id = bytes.readUInt16LE(at)
    const end = at + 4 + bytes.readUInt16LE(at + 2)
    if (end > bytes.length) throw badEntry(entryNumber, 'has an extra field that is cut off')
    if (fields.has(id) && (id === zip64Id || id === unicodePathId)) {
      throw badEntry(entryNumber, 'has an extra field twice')
    }
    fields.set(id, bytes.subarray(at + 4, end))
    at = end
  }
  return fields
}

/** Inexact above 2^53, where every number is too large anyway. */
export function uint64(bytes: Buffer, offset: number): number {
  return Number(bytes.readBigUInt64LE(offset))
}
