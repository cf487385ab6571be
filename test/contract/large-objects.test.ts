import { sql } from 'kysely'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { createMemoryTier } from '../../src/archives/memory-tier.ts'
import { openDatabase } from '../../src/database/client.ts'
import { checkObjects, openBlobs } from '../support/blobs.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { describe } from '../support/suite.ts'
import { blobStoreContract } from './blob-store.ts'

async function open() {
  const database = await createTestDatabase()
  const logger = pino({ level: 'silent' })
  const { db, pool } = openDatabase({ connectionString: database.url, logger })
  return {
    db,
    ...(await openBlobs({ db, pool })),
    async corrupt(sha256: string) {
      await sql`select lo_put(oid, 700000, 'X') from blob where sha256 = ${sha256}`.execute(db)
    },
    async close() {
      await db.destroy()
      await database.close()
    },
  }
}

blobStoreContract('large objects', async () => {
  const opened = await open()
  return {
    ...opened,
    async close() {
      await checkObjects(opened.db)
      await opened.close()
    },
  }
})

blobStoreContract('large objects behind memory', async () => {
  const opened = await open()
  return { ...opened, blobs: createMemoryTier(opened.blobs, 10_000_000) }
})

describe('the blob table', open, (test) => {
  test('names its objects in a column of type oid, by which tools find them', async ({ db }) => {
    const { rows } = await sql<{ type: string }>`
      select data_type as type from information_schema.columns
      where table_name = 'blob' and column_name = 'oid'`.execute(db)
    assert.equal(rows, [{ type: 'oid' }])
  })
})
