import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { sql } from 'kysely'
import type { ReadBytes } from '../database/byte-reader.ts'
import type { Db, Tx } from '../database/schema.ts'
import type { Sha256 } from '../events/types.ts'
import type { BlobStore, ByteRange } from './blobs.ts'

/** Written in pieces of this size: 256 KiB to 1 MiB measured alike, larger ones worse. */
const writeBytes = 512 * 1024
/** Read in statements that give this much; a reader has one in hand and one under way. */
const sliceBytes = 2 * 1024 * 1024
/** Of rows in such a statement: 64 KiB to 1 MiB measured alike. */
const rowBytes = 256 * 1024

/**
 * Blobs as PostgreSQL large objects.
 *
 * Object and row appear in one transaction, so a crash leaves neither or both. Reads are short
 * statements without a transaction: no connection waits for a slow client. Blobs never change, so a
 * read can only fail by the blob being removed, and then it throws.
 *
 * @param onCorrupt is called when a blob's bytes don't hash to its name.
 */
export function createLargeObjectStore(
  db: Db,
  readBytes: ReadBytes,
  onCorrupt: () => void = () => undefined,
): BlobStore {
  return {
    async put(path, sha256) {
      if ((await findRow(db, sha256)) !== undefined) return
      const file = await open(path)
      try {
        await db.transaction().execute(async (tx) => await write(tx, file, sha256))
      } finally {
        await file.close()
      }
    },
    async find(sha256) {
      const row = await findRow(db, sha256)
      if (row === undefined) return undefined
      const sizeBytes = Number(row.size_bytes)
      const stored = { sha256, oid: row.oid, sizeBytes }
      async function giveUp(): Promise<void> {
        onCorrupt()
        // So that the next one who wants it gets it from upstream again.
        await discard(db, stored)
      }
      return {
        sha256,
        sizeBytes,
        bytes: (range) =>
          range === undefined
            ? readWhole(readBytes, stored, giveUp)
            : readRange(readBytes, stored, range),
      }
    },
  }
}

async function findRow(
  db: Db | Tx,
  sha256: Sha256,
): Promise<{ readonly oid: number; readonly size_bytes: bigint } | undefined> {
  return await db
    .selectFrom('blob')
    .select(['oid', 'size_bytes'])
    .where('sha256', '=', sha256)
    .executeTakeFirst()
}

async function write(tx: Tx, file: FileHandle, sha256: Sha256): Promise<void> {
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
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('blob')
    .values({ sha256, oid, size_bytes: BigInt(offset) })
    .onConflict((conflict) => conflict.column('sha256').doNothing())
    .executeTakeFirstOrThrow()
  // Another node stored the same bytes meanwhile: its object stays, ours goes.
  if (numInsertedOrUpdatedRows === 0n) await sql`select lo_unlink(${oid})`.execute(tx)
}

interface Stored {
  readonly sha256: Sha256
  readonly oid: number
  readonly sizeBytes: number
}

async function* readWhole(
  readBytes: ReadBytes,
  stored: Stored,
  giveUp: () => Promise<void>,
): AsyncGenerator<Buffer> {
  const { sha256, sizeBytes } = stored
  const hash = createHash('sha256')
  let gotBytes = 0
  for await (const slice of slices(readBytes, stored, { from: 0, to: sizeBytes })) {
    for (const piece of slice) {
      hash.update(piece)
      gotBytes += piece.length
    }
    if (gotBytes === sizeBytes && hash.digest('hex') !== sha256) {
      await giveUp()
      throw corrupt(stored)
    }
    yield* slice
  }
}

async function discard(db: Db, { sha256, oid }: Stored): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const { numDeletedRows } = await tx
      .deleteFrom('blob')
      .where('sha256', '=', sha256)
      .where('oid', '=', oid)
      .executeTakeFirstOrThrow()
    if (numDeletedRows === 1n) await sql`select lo_unlink(${oid})`.execute(tx)
  })
}

async function* readRange(
  readBytes: ReadBytes,
  stored: Stored,
  range: ByteRange,
): AsyncGenerator<Buffer> {
  for await (const slice of slices(readBytes, stored, range)) yield* slice
}

/** The next slice is fetched while the reader is busy with this one. */
async function* slices(
  readBytes: ReadBytes,
  stored: Stored,
  { from, to }: ByteRange,
): AsyncGenerator<readonly Buffer[]> {
  let next: Promise<readonly Buffer[]> | undefined
  for (let offset = from; offset < to; offset += sliceBytes) {
    const end = Math.min(offset + sliceBytes, to)
    const slice = await (next ?? readSlice(readBytes, stored, { from: offset, to: end }))
    if (end < to) {
      next = readSlice(readBytes, stored, { from: end, to: Math.min(end + sliceBytes, to) })
      // A reader that leaves never hears of it.
      next.catch(() => undefined)
    }
    yield slice
  }
}

async function readSlice(
  readBytes: ReadBytes,
  stored: Stored,
  { from, to }: ByteRange,
): Promise<readonly Buffer[]> {
  const pieces = await readBytes({
    name: 'almanac_blob_slice',
    text: `
      select lo_get($1::oid, start, least($3::bigint - start, ${rowBytes})::int)
      from generate_series($2::bigint, $3::bigint - 1, ${rowBytes}) as start`,
    values: [stored.oid, from, to],
    bytesMax: sliceBytes,
  })
  const gotBytes = pieces.reduce((sum, { length }) => sum + length, 0)
  if (gotBytes !== to - from) throw corrupt(stored)
  return pieces
}

function corrupt({ sha256 }: Stored): Error {
  return new Error(`blob ${sha256} is corrupt`)
}
