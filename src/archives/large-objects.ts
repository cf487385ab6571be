import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { sql } from 'kysely'
import { isOutOfRoom } from '../database/errors.ts'
import type { Db, Tx } from '../database/schema.ts'
import type { Sha256 } from '../events/types.ts'
import type { Instant } from '../time-machine/instant.ts'
import type { BlobStore } from './blobs.ts'
import { findObject } from './find-object.ts'
import type { ObjectReads } from './object-reads.ts'

/** Written in pieces of this size: 256 KiB to 1 MiB measured alike, larger ones worse. */
const writeBytes = 512 * 1024

/**
 * Blobs as PostgreSQL large objects.
 *
 * Object and row appear in one transaction, so a crash leaves neither or both. Reads are short
 * statements without a transaction: no connection waits for a slow client. Blobs never change, so a
 * read can only fail by the blob being removed, or damaged: that one goes to quarantine.
 */
export function createLargeObjectStore(options: ObjectReads): BlobStore {
  const { db, now } = options
  return {
    async put(path, sha256, { isPrecious = false } = {}) {
      const name = { sha256, storedAt: now(), isPrecious }
      if (await touch(db, name)) return 'kept'
      const file = await open(path)
      try {
        await db.transaction().execute(async (tx) => await write(tx, file, name))
        return 'kept'
      } catch (error) {
        if (isOutOfRoom(error)) return 'full'
        throw error
      } finally {
        await file.close()
      }
    },
    find: async (sha256) => await findObject(options, sha256),
  }
}

/**
 * Whether the blob is here already. Then it is as if it were stored now: whoever removes what nothing
 * names, because it is old, sees that this isn't, and the event that names it has time to come.
 */
async function touch(db: Db, name: Name): Promise<boolean> {
  if (!name.isPrecious) return await touchRow(db, name)
  return await db.transaction().execute(async (tx) => {
    // The row first: whoever is removing it has it locked, and then it is gone or sees what follows.
    if (!(await touchRow(tx, name))) return false
    await setPrecious(tx, name)
    return true
  })
}

async function touchRow(db: Db, { sha256, storedAt }: Name): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('blob')
    .set({ stored_at: storedAt })
    .where('sha256', '=', sha256)
    .executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}

async function setPrecious(tx: Tx, { sha256, storedAt: named_at }: Name): Promise<void> {
  await tx
    .insertInto('precious_blob')
    .values({ sha256, named_at })
    .onConflict((conflict) => conflict.column('sha256').doUpdateSet({ named_at }))
    .execute()
}

interface Name {
  readonly sha256: Sha256
  readonly storedAt: Instant
  readonly isPrecious: boolean
}

async function write(tx: Tx, file: FileHandle, name: Name): Promise<void> {
  const { sha256, storedAt } = name
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
  if (name.isPrecious) await setPrecious(tx, name)
}
