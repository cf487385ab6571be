import { pino } from 'pino'
import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { openDatabase } from '../../src/database/client.ts'
import { createPostgresLog } from '../../src/events/postgres.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { describe, rejection } from '../support/suite.ts'
import { eventLogContract } from './event-log.ts'

async function open() {
  const database = await createTestDatabase()
  const { db } = openDatabase({ connectionString: database.url, logger: pino({ level: 'silent' }) })
  return {
    db,
    log: createPostgresLog({ db }),
    async close() {
      await db.destroy()
      await database.close()
    },
  }
}

eventLogContract('PostgreSQL', open)

describe('the event table', open, (test) => {
  for (const statement of [
    `update event set type = 'x'`,
    'delete from event',
    'truncate event',
    'delete from snapshot',
  ]) {
    test(`refuses "${statement}"`, async ({ db }) => {
      assert.match(String(await rejection(sql.raw(statement).execute(db))), /never changed/)
    })
  }
})
