import { crc32, deflateRawSync } from 'node:zlib'

/** What the local and the central header of an entry both say. */
export interface HeaderFields {
  readonly flags: number
  readonly method: number
  readonly dosTime: number
  readonly dosDate: number
  readonly crc32: number
  readonly packedBytes: number
  readonly sizeBytes: number
  readonly name: Buffer
  readonly extra: Buffer
}

interface CentralFields extends HeaderFields {
  /** The host system in the upper byte. */
  readonly madeBy: number
  readonly disk: number
  /** With a host "Unix", the mode in the upper half. */
  readonly attributes: number
  readonly offset: number
  readonly comment: string
}

/** An entry that need not be true: any field of either header can be set. */
export interface RawEntry {
  readonly name: string | Buffer
  readonly content?: string | Buffer
  readonly level?: number
  /** Instead of what `content` packs to. */
  readonly packed?: Buffer
  readonly both?: Partial<HeaderFields>
  readonly local?: Partial<HeaderFields>
  readonly central?: Partial<CentralFields>
  /** Between this and what stands before it. */
  readonly before?: Buffer
  /** A data descriptor, or something that nobody expects. */
  readonly after?: Buffer
}

interface EndFields {
  readonly disk: number
  readonly countHere: number
  readonly count: number
  readonly directoryBytes: number
  readonly directoryOffset: number
  readonly commentBytes: number
}

export interface RawParts {
  readonly before?: Buffer
  readonly beforeDirectory?: Buffer
  readonly afterDirectory?: Buffer
  readonly after?: Buffer
  readonly comment?: string | Buffer
  /** Leaves out, doubles or moves central headers. */
  readonly directory?: (headers: readonly Buffer[]) => readonly Buffer[]
  readonly end?: Partial<EndFields>
  /** Makes the end a ZIP64 one, in which these fields are other than true. */
  readonly end64?: Partial<EndFields & { recordBytes: number; recordOffset: number; disks: number }>
}

export const stored = 0
export const deflated = 8
export const utf8Names = 0x0800
const none = Buffer.alloc(0)
/** 2020-01-01 00:00:00: the same entries always give the same bytes. */
const dosDate = (40 << 9) | (1 << 5) | 1
const neededVersion = 20
/** The host system "Unix" (3) makes the upper half of the attributes a mode. */
const madeByUnix = (3 << 8) | neededVersion

/** Writes a zip byte by byte as told, which is a good one unless told otherwise. */
export function rawZip(entries: readonly RawEntry[], parts: RawParts = {}): Buffer {
  const { before = none, beforeDirectory = none, directory, afterDirectory = none } = parts
  const files = [before]
  const headers: Buffer[] = []
  let offset = before.length
  for (const entry of entries) {
    const { gap, local, central } = encode(entry, offset)
    headers.push(central)
    files.push(gap, local)
    offset += gap.length + local.length
  }
  const index = Buffer.concat(directory?.(headers) ?? headers)
  const end = endOf(parts, {
    disk: 0,
    countHere: entries.length,
    count: entries.length,
    directoryBytes: index.length,
    directoryOffset: offset + beforeDirectory.length,
    commentBytes: Buffer.byteLength(parts.comment ?? ''),
  })
  return Buffer.concat([...files, beforeDirectory, index, afterDirectory, end])
}

/** A data descriptor in one of its four forms. */
export function descriptor(
  content: string,
  { signed = true, wide = false, packedBytes = deflateRawSync(content, { level: 9 }).length } = {},
): Buffer {
  const size = wide ? uint64 : uint32
  return Buffer.concat([
    signed ? uint32(0x08074b50) : none,
    uint32(crc32(content)),
    size(packedBytes, Buffer.byteLength(content)),
  ])
}

export function extraField(id: number, data: Buffer): Buffer {
  return Buffer.concat([uint16(id, data.length), data])
}

function encode(entry: RawEntry, position: number) {
  const { before: gap = none, after = none } = entry
  const { fields, packed } = pack(entry)
  const local = Buffer.concat([localHeader({ ...fields, ...entry.local }), packed, after])
  const central = centralHeader(fields, { offset: position + gap.length, ...entry.central })
  return { gap, local, central }
}

function pack({ name, content = '', packed, level = 9, both }: RawEntry) {
  const bytes = Buffer.from(content)
  const method = both?.method ?? (bytes.length === 0 ? stored : deflated)
  const body = packed ?? (method === deflated ? deflateRawSync(bytes, { level }) : bytes)
  const fields: HeaderFields = {
    flags: utf8Names,
    method,
    dosTime: 0,
    dosDate,
    crc32: crc32(bytes),
    packedBytes: body.length,
    sizeBytes: bytes.length,
    name: Buffer.from(name),
    extra: none,
    ...both,
  }
  return { fields, packed: body }
}

function headerFields(fields: HeaderFields): Buffer {
  return Buffer.concat([
    uint16(fields.flags, fields.method, fields.dosTime, fields.dosDate),
    uint32(fields.crc32, fields.packedBytes, fields.sizeBytes),
    uint16(fields.name.length, fields.extra.length),
  ])
}

function localHeader(fields: HeaderFields): Buffer {
  const fixed = [uint32(0x04034b50), uint16(neededVersion), headerFields(fields)]
  return Buffer.concat([...fixed, fields.name, fields.extra])
}

function centralHeader(
  fields: HeaderFields,
  changes: Partial<CentralFields> & Pick<CentralFields, 'offset'>,
): Buffer {
  const isDirectory = fields.name.at(-1) === 0x2f
  const all: CentralFields = {
    ...fields,
    madeBy: madeByUnix,
    disk: 0,
    attributes: unixMode(isDirectory ? 0o040755 : 0o100644) + (isDirectory ? 0x10 : 0),
    comment: '',
    ...changes,
  }
  return Buffer.concat([
    uint32(0x02014b50),
    uint16(all.madeBy, neededVersion),
    headerFields(all),
    uint16(Buffer.byteLength(all.comment), all.disk, 0), // not marked as text
    uint32(all.attributes, all.offset),
    all.name,
    all.extra,
    Buffer.from(all.comment),
  ])
}

/** The attributes that say this mode. */
export function unixMode(mode: number): number {
  return mode * 0x10000
}

function endOf({ comment = '', end, end64, after = none }: RawParts, truth: EndFields): Buffer {
  const fields = { ...truth, ...(end64 ? leftTo64 : {}), ...end }
  return Buffer.concat([
    end64 ? endOf64({ ...truth, ...end64 }, truth) : none,
    uint32(0x06054b50),
    uint16(fields.disk, fields.disk, fields.countHere, fields.count),
    uint32(fields.directoryBytes, fields.directoryOffset),
    uint16(fields.commentBytes),
    Buffer.from(comment),
    after,
  ])
}

const leftTo64: Partial<EndFields> = {
  countHere: 0xffff,
  count: 0xffff,
  directoryBytes: 0xffffffff,
  directoryOffset: 0xffffffff,
}

function endOf64(
  fields: EndFields & NonNullable<RawParts['end64']>,
  { directoryOffset, directoryBytes }: EndFields,
): Buffer {
  const { recordBytes = 44, recordOffset = directoryOffset + directoryBytes, disks = 1 } = fields
  return Buffer.concat([
    uint32(0x06064b50),
    uint64(recordBytes),
    uint16(45, 45),
    uint32(fields.disk, fields.disk),
    uint64(fields.countHere, fields.count, fields.directoryBytes, fields.directoryOffset),
    uint32(0x07064b50, 0),
    uint64(recordOffset),
    uint32(disks),
  ])
}

export function uint16(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 2)
  for (const [index, value] of values.entries()) buffer.writeUInt16LE(value, index * 2)
  return buffer
}

export function uint32(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) buffer.writeUInt32LE(value, index * 4)
  return buffer
}

export function uint64(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 8)
  for (const [index, value] of values.entries()) buffer.writeBigUInt64LE(BigInt(value), index * 8)
  return buffer
}
