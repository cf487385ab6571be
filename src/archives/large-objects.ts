import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { sql } from 'kysely'
import type { Db, Tx } from '../database/schema.ts'
import type { Sha256 } from '../events/types.ts'
import type { BlobStore } from './blobs.ts'

/** Written and read in pieces of this size: 256 KiB to 1 MiB measured alike, larger ones worse. */
const sliceBytes = 512 * 1024

/**
 * Blobs as PostgreSQL large objects.
 *
 * Object and row appear in one transaction, so a crash leaves neither or both. Reads are short
 * statements without a transaction: no connection waits for a slow client. Blobs never change, so a
 * read can only fail by the blob being removed, and then it throws.
 */
export function createLargeObjectStore(db: Db): BlobStore {
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
      return { sha256, sizeBytes, bytes: () => read(db, { sha256, oid: row.oid, sizeBytes }) }
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
  const buffer = Buffer.alloc(sliceBytes)
  let offset = 0
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, sliceBytes, offset)
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

async function* read(db: Db, { sha256, oid, sizeBytes }: Stored): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  for (let offset = 0; offset < sizeBytes; offset += sliceBytes) {
    const { rows } = await sql<{ slice: Buffer }>`
      select lo_get(${oid}, ${offset}, ${sliceBytes}) as slice`.execute(db)
    const slice = rows[0]?.slice ?? Buffer.alloc(0)
    hash.update(slice)
    if (offset + sliceBytes >= sizeBytes && hash.digest('hex') !== sha256) break
    yield slice
    if (offset + sliceBytes >= sizeBytes) return
  }
  if (sizeBytes > 0) throw new Error(`blob ${sha256} is corrupt`)
}
