import { createHash } from 'node:crypto'
import type { ReadBytes } from '../database/byte-reader.ts'
import { isDamagedData, sqlState } from '../database/errors.ts'
import type { Db } from '../database/schema.ts'
import type { Sha256 } from '../events/types.ts'
import { createSingleFlight } from '../single-flight.ts'
import type { Instant } from '../time-machine/instant.ts'
import { BlobLost, type ByteRange } from './blobs.ts'
import { quarantine } from './quarantine.ts'
import { sliceBytes, type SliceMemory } from './slice-memory.ts'

/**
 * Of rows in the statement that reads a slice. PostgreSQL takes memory for each row from the system and
 * gives it back: with 256 KiB that cost twice as much as with these; with 32 KiB the rows themselves do.
 */
export const rowBytes = 128 * 1024

export interface ObjectReads {
  readonly db: Db
  readonly readBytes: ReadBytes
  readonly memory: SliceMemory
  readonly now: () => Instant
  readonly lose: Lose
}

/** Why it can't be read as it was stored: it is there no more, or else damaged, and then it goes too. */
export type Lose = (stored: StoredObject, problem: string) => Promise<BlobLost>

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

/** All bytes; the last are held back until they have hashed to the blob's name. See Blob for the pieces. */
export function readWhole(options: ObjectReads, stored: StoredObject): AsyncIterable<Buffer> {
  const { sha256, sizeBytes } = stored
  const hash = createHash('sha256')
  function isRight(slice: Buffer, to: number): boolean {
    hash.update(slice)
    return to < sizeBytes || hash.digest('hex') === sha256
  }
  return readRange(options, stored, { from: 0, to: sizeBytes, isRight })
}

export interface LoseOptions {
  readonly db: Db
  readonly now: () => Instant
  /** Hears of each damaged blob once, when the store no longer has it. */
  readonly onCorrupt: (blob: CorruptBlob) => Promise<void>
}

/**
 * Who finds the same damage meanwhile waits, too: an archive that is stored again before it was told that it
 * is gone would be taken for the one that is gone.
 */
export function createLose({ db, now, onCorrupt }: LoseOptions): Lose {
  const lose = createSingleFlight(
    async ({ sha256, oid, sizeBytes, problem }: StoredObject & { readonly problem: string }) => {
      const wasThere = await quarantine(db, { sha256, oid, problem, at: now() })
      if (!wasThere) return new BlobLost(`blob ${sha256} was evicted`, { isCorrupt: false })
      await onCorrupt({ sha256, sizeBytes, problem })
      return new BlobLost(`blob ${sha256} is corrupt: ${problem}`, { isCorrupt: true })
    },
    ({ oid }) => String(oid),
  )
  return async (stored, problem) => await lose({ ...stored, problem })
}

interface CheckedRange extends ByteRange {
  /** Is asked about each slice before it is given, and where in the blob it ends. */
  readonly isRight?: (slice: Buffer, to: number) => boolean
}

/**
 * The bytes as they are stored. The next slice isn't read before it is asked for: what the client has yet to
 * get of this one is in the kernel's hands by then, so it waits for nothing.
 */
export async function* readRange(
  options: ObjectReads,
  stored: StoredObject,
  { from, to, isRight = () => true }: CheckedRange,
): AsyncGenerator<Buffer> {
  const { memory } = options
  for (let offset = from; offset < to; offset += sliceBytes) {
    const range = { from: offset, to: Math.min(offset + sliceBytes, to) }
    const into = memory.take()
    const slice = await readSlice(options, { ...stored, range }, into)
    if (!isRight(slice, range.to)) throw await options.lose(stored, 'its bytes hash differently')
    yield slice
    // Only here: what failed may still be written into, and what a reader left at may still be sent.
    memory.giveBack(into)
  }
}

/** A statement of its own for what is in one row: with the other, it took PostgreSQL half as long again. */
const rowQuery = {
  name: 'almanac_blob_row',
  text: 'select lo_get($1::oid, $2::bigint, ($3::bigint - $2::bigint)::int)',
}
const rowsQuery = {
  name: 'almanac_blob_rows',
  text: `
    select lo_get($1::oid, start, least($3::bigint - start, ${rowBytes})::int)
    from generate_series($2::bigint, $3::bigint - 1, ${rowBytes}) as start`,
}

async function readSlice(
  options: ObjectReads,
  { range: { from, to }, ...stored }: StoredObject & { readonly range: ByteRange },
  into: Buffer,
): Promise<Buffer> {
  const query = to - from > rowBytes ? rowsQuery : rowQuery
  const values = [stored.oid, from, to]
  const gotBytes = await options
    .readBytes({ ...query, values }, into)
    .catch(async (error: unknown) => {
      const problem = problemOf(error)
      throw problem === undefined ? error : await options.lose(stored, problem)
    })
  if (gotBytes !== to - from) throw await options.lose(stored, 'its object is too short')
  return into.subarray(0, gotBytes)
}

const undefinedObject = '42704'

/** What an error says about the object; undefined: nothing. */
export function problemOf(error: unknown): string | undefined {
  if (sqlState(error).state === undefinedObject) return 'its object is missing'
  return isDamagedData(error) ? `its object cannot be read: ${String(error)}` : undefined
}
