import { createHash } from 'node:crypto'
import type { ReadBytes } from '../database/byte-reader.ts'
import { isDamagedData, sqlState } from '../database/errors.ts'
import type { Db } from '../database/schema.ts'
import type { Sha256 } from '../events/types.ts'
import type { Instant } from '../time-machine/instant.ts'
import { BlobLost, type ByteRange } from './blobs.ts'
import { quarantine } from './quarantine.ts'

/** Read in statements that give this much; a reader has one in hand and one under way. */
const sliceBytes = 2 * 1024 * 1024
/** Of rows in such a statement: 64 KiB to 1 MiB measured alike. */
const rowBytes = 256 * 1024

/** So many bytes come with the row: 20 KB took a third of the time of two statements, 256 KiB five sixths. */
const smallBytesMax = 256 * 1024
/** Before them: how many they are, and the oid. */
const headBytes = 12

export interface ObjectReads {
  readonly db: Db
  readonly readBytes: ReadBytes
  readonly now: () => Instant
  /** Hears of each damaged blob once, when the store no longer has it. */
  readonly onCorrupt: (blob: CorruptBlob) => Promise<void>
}

export interface CorruptBlob {
  readonly sha256: Sha256
  readonly sizeBytes: number
  readonly problem: string
}

/** A blob by its large object: a blob that was removed and stored again is another one. */
export interface StoredObject {
  readonly sha256: Sha256
  readonly oid: number
  readonly sizeBytes: number
}

export interface FoundObject {
  readonly stored: StoredObject
  /** All of them, checked, when they are few. */
  readonly bytes: Buffer | undefined
}

/**
 * What is to know of a blob and, of a small one, its bytes, in one statement: a second one would take as
 * long again. undefined: it isn't there, or not any more, since it is damaged.
 */
export async function findObject(
  options: ObjectReads,
  sha256: Sha256,
): Promise<FoundObject | undefined> {
  const query = {
    name: 'almanac_blob_find',
    text: `
      select int8send(size_bytes) || oidsend(oid) ||
        case when size_bytes <= ${smallBytesMax} then lo_get(oid, 0, size_bytes::int) else '' end
      from blob where sha256 = $1::text`,
    values: [sha256],
    bytesMax: headBytes + smallBytesMax,
  }
  let row: Buffer
  try {
    row = joined(await options.readBytes(query))
  } catch (error) {
    if (problemOf(error) === undefined) throw error
    // Which object it was isn't known. Who reads it by its oid finds out, and makes no mistake.
    const stored = await findRow(options.db, sha256)
    return stored && { stored, bytes: undefined }
  }
  if (row.length === 0) return undefined
  const sizeBytes = Number(row.readBigInt64BE(0))
  const stored = { sha256, oid: row.readUInt32BE(8), sizeBytes }
  if (sizeBytes > smallBytesMax) return { stored, bytes: undefined }
  const bytes = row.subarray(headBytes)
  if (createHash('sha256').update(bytes).digest('hex') === sha256) return { stored, bytes }
  await lost(options, stored, 'its bytes hash differently')
  return undefined
}

function joined(pieces: readonly Buffer[]): Buffer {
  const [only, ...others] = pieces
  return only !== undefined && others.length === 0 ? only : Buffer.concat(pieces)
}

async function findRow(db: Db, sha256: Sha256): Promise<StoredObject | undefined> {
  const row = await db
    .selectFrom('blob')
    .select(['oid', 'size_bytes'])
    .where('sha256', '=', sha256)
    .executeTakeFirst()
  return row && { sha256, oid: row.oid, sizeBytes: Number(row.size_bytes) }
}

/** All bytes; the last are held back until they have hashed to the blob's name. */
export async function* readWhole(
  options: ObjectReads,
  stored: StoredObject,
): AsyncGenerator<Buffer> {
  const { sha256, sizeBytes } = stored
  const hash = createHash('sha256')
  let gotBytes = 0
  for await (const slice of slices(options, stored, { from: 0, to: sizeBytes })) {
    for (const piece of slice) {
      hash.update(piece)
      gotBytes += piece.length
    }
    if (gotBytes === sizeBytes && hash.digest('hex') !== sha256) {
      throw await lost(options, stored, 'its bytes hash differently')
    }
    yield* slice
  }
}

/** Why it can't be read as it was stored: it is there no more, or else damaged, and then it goes too. */
async function lost(
  { db, now, onCorrupt }: ObjectReads,
  { sha256, oid, sizeBytes }: StoredObject,
  problem: string,
): Promise<BlobLost> {
  const wasThere = await quarantine(db, { sha256, oid, problem, at: now() })
  if (!wasThere) return new BlobLost(`blob ${sha256} was evicted`, { isCorrupt: false })
  await onCorrupt({ sha256, sizeBytes, problem })
  return new BlobLost(`blob ${sha256} is corrupt: ${problem}`, { isCorrupt: true })
}

/** The bytes as they are stored. */
export async function* readRange(
  options: ObjectReads,
  stored: StoredObject,
  range: ByteRange,
): AsyncGenerator<Buffer> {
  for await (const slice of slices(options, stored, range)) yield* slice
}

/** The next slice is fetched while the reader is busy with this one. */
async function* slices(
  options: ObjectReads,
  stored: StoredObject,
  { from, to }: ByteRange,
): AsyncGenerator<readonly Buffer[]> {
  let next: Promise<readonly Buffer[]> | undefined
  for (let offset = from; offset < to; offset += sliceBytes) {
    const end = Math.min(offset + sliceBytes, to)
    const slice = await (next ?? readSlice(options, stored, { from: offset, to: end }))
    if (end < to) {
      next = readSlice(options, stored, { from: end, to: Math.min(end + sliceBytes, to) })
      // A reader that leaves never hears of it.
      next.catch(() => undefined)
    }
    yield slice
  }
}

async function readSlice(
  options: ObjectReads,
  stored: StoredObject,
  { from, to }: ByteRange,
): Promise<readonly Buffer[]> {
  const query = {
    name: 'almanac_blob_slice',
    text: `
      select lo_get($1::oid, start, least($3::bigint - start, ${rowBytes})::int)
      from generate_series($2::bigint, $3::bigint - 1, ${rowBytes}) as start`,
    values: [stored.oid, from, to],
    bytesMax: sliceBytes,
  }
  const pieces = await options.readBytes(query).catch(async (error: unknown) => {
    const problem = problemOf(error)
    throw problem === undefined ? error : await lost(options, stored, problem)
  })
  const gotBytes = pieces.reduce((sum, { length }) => sum + length, 0)
  if (gotBytes !== to - from) throw await lost(options, stored, 'its object is too short')
  return pieces
}

const undefinedObject = '42704'

/** What an error says about the object; undefined: nothing. */
function problemOf(error: unknown): string | undefined {
  if (sqlState(error).state === undefinedObject) return 'its object is missing'
  return isDamagedData(error) ? `its object cannot be read: ${String(error)}` : undefined
}
