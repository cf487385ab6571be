import * as assert from 'uvu/assert'
import { pino } from 'pino'
import { openDatabase } from '../../src/database/client.ts'
import { isConnectionLoss } from '../../src/database/errors.ts'
import { handingOn } from '../../src/database/handed-on.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { describe, rejection } from '../support/suite.ts'

async function open() {
  const database = await createTestDatabase()
  const { db, pool } = openDatabase({
    connectionString: database.url,
    logger: pino({ level: 'silent' }),
    connectionsMax: 3,
  })
  return {
    pool,
    url: database.url,
    async close() {
      await db.destroy()
      await database.close()
    },
  }
}

describe('connections that are handed on', open, (test) => {
  test('are so many at most, and leave the others of the pool to others', async ({ pool }) => {
    const { take, giveBack } = handingOn(pool, { max: 2, waitMs: 10_000 })
    const [first, second] = [await take(), await take()]
    let third: unknown
    const waiting = take().then((client) => (third = client))
    await pool.query('select 1')
    assert.is(third, undefined)
    giveBack(second)
    assert.is(await waiting, second, 'the very one')
    assert.is(pool.idleCount, 1)
    giveBack(first)
    giveBack(second)
    assert.is(pool.idleCount, 3)
  })

  test('go to who waits for longest', async ({ pool }) => {
    const { take, giveBack } = handingOn(pool, { max: 1, waitMs: 10_000 })
    const client = await take()
    const order: number[] = []
    const waiting = [1, 2, 3].map(async (n) => {
      const mine = await take()
      order.push(n)
      giveBack(mine)
    })
    giveBack(client)
    await Promise.all(waiting)
    assert.equal(order, [1, 2, 3])
  })

  test('that are to end are replaced by new ones', async ({ pool }) => {
    const { take, giveBack, end } = handingOn(pool, { max: 1, waitMs: 10_000 })
    const client = await take()
    const waiting = take()
    end(client)
    const next = await waiting
    assert.is.not(next, client)
    assert.equal((await next.query('select 1 as one')).rows, [{ one: 1 }])
    giveBack(next)
  })

  test('are not waited for any longer than one may', async ({ pool }) => {
    const { take, giveBack } = handingOn(pool, { max: 1, waitMs: 50 })
    const client = await take()
    assert.ok(isConnectionLoss(await rejection(take())))
    giveBack(client)
    giveBack(await take())
  })

  test('that can not be had fail for each who asks, and keep nobody waiting', async ({ url }) => {
    const missing = new URL(url)
    missing.pathname = '/there-is-none'
    const { db, pool } = openDatabase({
      connectionString: missing.href,
      logger: pino({ level: 'silent' }),
    })
    const { take } = handingOn(pool, { max: 1, waitMs: 10_000 })
    const errors = await Promise.all([1, 2, 3].map(async () => await rejection(take())))
    for (const error of errors) assert.match(String(error), 'does not exist')
    await db.destroy()
  })
})
