import { createHash } from 'node:crypto'
import type { Db } from '../database/schema.ts'
import type { Sha256 } from '../events/types.ts'
import type { Blob, ByteRange } from './blobs.ts'
import {
  type ObjectReads,
  problemOf,
  readRange,
  readWhole,
  rowBytes,
  type StoredObject,
} from './object-reads.ts'
import { sliceBytes } from './slice-memory.ts'

/** Before the bytes that come with a blob's row: how many they are, and the oid. */
const headBytes = 12
/** So many come with it, as much as a slice holds; a second statement would cost a quarter of 500 KB. */
const fewBytesMax = sliceBytes - headBytes

/** One row for each part; the first begins with the head. */
const query = {
  name: 'almanac_blob_find',
  text: `
    select case when start = 0 then int8send(size_bytes) || oidsend(oid) else '' end ||
      case when size_bytes <= ${fewBytesMax}
        then lo_get(oid, start, least(size_bytes - start, ${rowBytes})::int) else '' end
    from blob, generate_series(
      0, case when size_bytes <= ${fewBytesMax} then greatest(size_bytes - 1, 0) else 0 end, ${rowBytes}
    ) as start
    where sha256 = $1::text`,
} as const

/**
 * What is to know of a blob and, of one that isn't large, its bytes, in one statement. undefined: it isn't
 * there, or not any more, since it is damaged.
 */
export async function findObject(options: ObjectReads, sha256: Sha256): Promise<Blob | undefined> {
  const { memory } = options
  const slice = memory.take()
  let gotBytes: number
  try {
    gotBytes = await options.readBytes({ ...query, values: [sha256] }, slice)
  } catch (error) {
    if (problemOf(error) === undefined) throw error
    // Which object it was isn't known. Who reads it by its oid finds out, and makes no mistake.
    const stored = await findRow(options.db, sha256)
    return stored && largeBlob(options, stored)
  }
  if (gotBytes === 0) {
    memory.giveBack(slice)
    return undefined
  }
  const sizeBytes = Number(slice.readBigInt64BE(0))
  const stored = { sha256, oid: slice.readUInt32BE(8), sizeBytes }
  if (sizeBytes > fewBytesMax) {
    memory.giveBack(slice)
    return largeBlob(options, stored)
  }
  const hash = createHash('sha256').update(slice.subarray(headBytes, gotBytes))
  if (hash.digest('hex') === sha256) return blobIn(slice, options, stored)
  memory.giveBack(slice)
  await options.lose(stored, 'its bytes hash differently')
  return undefined
}

async function findRow(db: Db, sha256: Sha256): Promise<StoredObject | undefined> {
  const row = await db
    .selectFrom('blob')
    .select(['oid', 'size_bytes'])
    .where('sha256', '=', sha256)
    .executeTakeFirst()
  return row && { sha256, oid: row.oid, sizeBytes: Number(row.size_bytes) }
}

function largeBlob(options: ObjectReads, stored: StoredObject): Blob {
  const { sha256, sizeBytes } = stored
  return {
    sha256,
    sizeBytes,
    bytes: (range) =>
      range === undefined ? readWhole(options, stored) : readRange(options, stored, range),
  }
}

/**
 * Its bytes, checked, are in a slice for the first who reads; others read them again. They are not copied to
 * stay: at 20 KB, the garbage collector took a sixth of the process's time for what was sent and gone.
 */
function blobIn(slice: Buffer, options: ObjectReads, stored: StoredObject): Blob {
  const large = largeBlob(options, stored)
  let unread: Buffer | undefined = slice
  async function* once(first: Buffer, { from, to }: ByteRange): AsyncGenerator<Buffer> {
    if (from < to) yield first.subarray(headBytes + from, headBytes + to)
    options.memory.giveBack(first)
  }
  function bytes(range?: ByteRange): AsyncIterable<Buffer> {
    const first = unread
    unread = undefined
    if (first === undefined) return large.bytes(range)
    return once(first, range ?? { from: 0, to: stored.sizeBytes })
  }
  function leave(): void {
    if (unread !== undefined) options.memory.giveBack(unread)
    unread = undefined
  }
  return { ...large, bytes, leave }
}
