import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { openDatabase } from '../../src/database/client.ts'
import { createLease } from '../../src/jobs/lease.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { describe } from '../support/suite.ts'

async function open() {
  const database = await createTestDatabase()
  const logger = pino({ level: 'silent' })
  const { db } = openDatabase({ connectionString: database.url, logger })
  return {
    db,
    leaseOf: (name: string, holder = randomUUID()) =>
      createLease(db, { name, holder, seconds: 60 }),
    expire: async () => await sql`update job_lease set expires_at = clock_timestamp()`.execute(db),
    async close() {
      await db.destroy()
      await database.close()
    },
  }
}

describe('a lease', open, (test) => {
  test('is one node’s, which may take it again', async ({ leaseOf }) => {
    const [one, other] = [leaseOf('a'), leaseOf('a')]
    assert.equal([await one.take(), await other.take(), await one.take()], [true, false, true])
  })

  test('is of one job', async ({ leaseOf }) => {
    assert.is(await leaseOf('b').take(), true)
    assert.is(await leaseOf('c').take(), true)
  })

  test('goes to one of those who want it when it has run out', async ({ leaseOf, expire }) => {
    const holder = leaseOf('d')
    await holder.take()
    await expire()
    const others = Array.from({ length: 10 }, () => leaseOf('d'))
    const taken = await Promise.all(others.map(async (other) => await other.take()))
    assert.is(taken.filter(Boolean).length, 1)
    assert.is(await holder.take(), false, 'it has lost it')
  })

  test('that is taken by many at once at first goes to one', async ({ leaseOf }) => {
    const all = Array.from({ length: 10 }, () => leaseOf('e'))
    const taken = await Promise.all(all.map(async (each) => await each.take()))
    assert.is(taken.filter(Boolean).length, 1)
  })

  test('is given back by its holder only', async ({ leaseOf }) => {
    const [one, other] = [leaseOf('f'), leaseOf('f')]
    await one.take()
    await other.release()
    assert.is(await other.take(), false)
    await one.release()
    assert.is(await other.take(), true)
  })

  test('lasts as long as it was wanted, by the database’s clock', async ({ db, leaseOf }) => {
    await leaseOf('g').take()
    const { rows } = await sql<{ left: number }>`
      select extract(epoch from expires_at - clock_timestamp())::float as left
      from job_lease where name = 'g'`.execute(db)
    const left = rows[0]?.left ?? 0
    assert.ok(left > 50 && left <= 60, `${left} s`)
  })
})
