import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { sql } from 'kysely'
import type { ReadBytes } from '../database/byte-reader.ts'
import { isDamagedData, isOutOfRoom, sqlState } from '../database/errors.ts'
import type { Db, Tx } from '../database/schema.ts'
import type { Sha256 } from '../events/types.ts'
import type { Instant } from '../time-machine/instant.ts'
import { BlobLost, type BlobStore, type ByteRange } from './blobs.ts'
import { quarantine } from './quarantine.ts'

/** Written in pieces of this size: 256 KiB to 1 MiB measured alike, larger ones worse. */
const writeBytes = 512 * 1024
/** Read in statements that give this much; a reader has one in hand and one under way. */
const sliceBytes = 2 * 1024 * 1024
/** Of rows in such a statement: 64 KiB to 1 MiB measured alike. */
const rowBytes = 256 * 1024

export interface LargeObjectOptions {
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

/**
 * Blobs as PostgreSQL large objects.
 *
 * Object and row appear in one transaction, so a crash leaves neither or both. Reads are short
 * statements without a transaction: no connection waits for a slow client. Blobs never change, so a
 * read can only fail by the blob being removed, or damaged: that one goes to quarantine.
 */
export function createLargeObjectStore(options: LargeObjectOptions): BlobStore {
  const { db, now } = options
  return {
    async put(path, sha256) {
      if (await touch(db, sha256, now())) return 'kept'
      const file = await open(path)
      try {
        const name = { sha256, storedAt: now() }
        await db.transaction().execute(async (tx) => await write(tx, file, name))
        return 'kept'
      } catch (error) {
        if (isOutOfRoom(error)) return 'full'
        throw error
      } finally {
        await file.close()
      }
    },
    async find(sha256) {
      const row = await findRow(db, sha256)
      if (row === undefined) return undefined
      const sizeBytes = Number(row.size_bytes)
      const stored = { sha256, oid: row.oid, sizeBytes }
      return {
        sha256,
        sizeBytes,
        bytes: (range) =>
          range === undefined ? readWhole(options, stored) : readRange(options, stored, range),
      }
    },
  }
}

/**
 * Whether the blob is here already. Then it is as if it were stored now: whoever removes what nothing
 * names, because it is old, sees that this isn't, and the event that names it has time to come.
 */
async function touch(db: Db, sha256: Sha256, stored_at: Instant): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('blob')
    .set({ stored_at })
    .where('sha256', '=', sha256)
    .executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}

async function findRow(
  db: Db,
  sha256: Sha256,
): Promise<{ readonly oid: number; readonly size_bytes: bigint } | undefined> {
  return await db
    .selectFrom('blob')
    .select(['oid', 'size_bytes'])
    .where('sha256', '=', sha256)
    .executeTakeFirst()
}

interface Name {
  readonly sha256: Sha256
  readonly storedAt: Instant
}

async function write(tx: Tx, file: FileHandle, { sha256, storedAt }: Name): Promise<void> {
  const created = await sql<{ oid: number }>`select lo_create(0) as oid`.execute(tx)
  const oid = created.rows[0]?.oid
  if (oid === undefined) throw new Error('lo_create returned nothing')
  const hash = createHash('sha256')
  const buffer = Buffer.alloc(writeBytes)
  let offset = 0
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, writeBytes, offset)
    if (bytesRead === 0) break
    const slice = buffer.subarray(0, bytesRead)
    hash.update(slice)
    await sql`select lo_put(${oid}, ${offset}, ${slice})`.execute(tx)
    offset += bytesRead
  }
  if (hash.digest('hex') !== sha256)
    throw new Error(`the bytes for blob ${sha256} hash differently`)
  const row = await tx
    .insertInto('blob')
    .values({ sha256, oid, size_bytes: BigInt(offset), stored_at: storedAt, scrubbed_at: storedAt })
    .onConflict((conflict) => conflict.column('sha256').doUpdateSet({ stored_at: storedAt }))
    .returning('oid')
    .executeTakeFirstOrThrow()
  // Another node stored the same bytes meanwhile: its object stays, ours goes.
  if (row.oid !== oid) await sql`select lo_unlink(${oid})`.execute(tx)
}

interface Stored {
  readonly sha256: Sha256
  readonly oid: number
  readonly sizeBytes: number
}

async function* readWhole(options: LargeObjectOptions, stored: Stored): AsyncGenerator<Buffer> {
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
  { db, now, onCorrupt }: LargeObjectOptions,
  { sha256, oid, sizeBytes }: Stored,
  problem: string,
): Promise<BlobLost> {
  const wasThere = await quarantine(db, { sha256, oid, problem, at: now() })
  if (!wasThere) return new BlobLost(`blob ${sha256} was evicted`)
  await onCorrupt({ sha256, sizeBytes, problem })
  return new BlobLost(`blob ${sha256} is corrupt: ${problem}`)
}

async function* readRange(
  options: LargeObjectOptions,
  stored: Stored,
  range: ByteRange,
): AsyncGenerator<Buffer> {
  for await (const slice of slices(options, stored, range)) yield* slice
}

/** The next slice is fetched while the reader is busy with this one. */
async function* slices(
  options: LargeObjectOptions,
  stored: Stored,
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
  options: LargeObjectOptions,
  stored: Stored,
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
