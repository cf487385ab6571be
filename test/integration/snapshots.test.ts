import { sql } from 'kysely'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { openDatabase } from '../../src/database/client.ts'
import type { Sha256 } from '../../src/events/types.ts'
import { createSnapshotStore, sha256Of } from '../../src/snapshots/store.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { describe, rejection } from '../support/suite.ts'

async function open() {
  const database = await createTestDatabase()
  const { db } = openDatabase({ connectionString: database.url, logger: pino({ level: 'silent' }) })
  return {
    db,
    /** One that has nothing in memory. */
    store: () => createSnapshotStore(db),
    async close() {
      await db.destroy()
      await database.close()
    },
  }
}

/** A document that gets one version in front at a time, as Packagist's do. */
function history(length: number): readonly Buffer[] {
  const version = (n: number) =>
    `{"version":"1.${n}.0","reference":"${sha256Of(Buffer.from([n]))}"}`
  return Array.from({ length }, (_, newest) => {
    const versions = Array.from({ length: newest + 1 }, (_unused, n) => version(newest - n))
    return Buffer.from(`{"packages":{"acme/log":[${versions.join(',')}]}}`)
  })
}

describe('snapshot store', open, (test) => {
  test('every state of a long history comes back byte for byte', async ({ store }) => {
    const states = history(100)
    const names: Sha256[] = []
    for (const state of states) names.push(await store().put(state, names.at(-1)))
    assert.equal(names, states.map(sha256Of))
    const cold = store()
    for (const [index, name] of names.entries()) {
      assert.ok((await cold.get(name)).equals(states[index] ?? Buffer.alloc(0)))
    }
  })

  test('has a keyframe at least every 32 snapshots, and small differences between', async ({
    db,
  }) => {
    const rows = await db.selectFrom('snapshot').select(['depth', 'deflated']).execute()
    const keyframes = rows.filter(({ depth }) => depth === 0)
    assert.is(Math.max(...rows.map(({ depth }) => depth)), 31)
    assert.ok(keyframes.length >= 4, `${keyframes.length} keyframes for 100 snapshots`)
    for (const { depth, deflated } of rows) if (depth > 0) assert.ok(deflated.length < 150)
  })

  test('a body that shares little with the one before is kept whole', async ({ db, store }) => {
    const before = await store().put(Buffer.from('a'.repeat(500)), undefined)
    const name = await store().put(Buffer.from(sha256Of(Buffer.from('other')).repeat(20)), before)
    const row = await db
      .selectFrom('snapshot')
      .select('depth')
      .where('sha256', '=', name)
      .executeTakeFirstOrThrow()
    assert.is(row.depth, 0)
  })

  test('putting the same bytes again, at the same time too, changes nothing', async ({
    db,
    store,
  }) => {
    const body = Buffer.from('{"packages":[]}')
    const names = await Promise.all([1, 2, 3].map(async () => await store().put(body, undefined)))
    assert.is(new Set(names).size, 1)
    const { rows } = await sql`select from snapshot where sha256 = ${names[0]}`.execute(db)
    assert.is(rows.length, 1)
  })

  test('an empty body is a body', async ({ store }) => {
    const name = await store().put(Buffer.alloc(0), undefined)
    assert.is((await store().get(name)).length, 0)
  })

  test('refuses to give back bytes that were changed behind its back', async ({ db, store }) => {
    const name = await store().put(Buffer.from('what upstream really said'), undefined)
    await sql`alter table snapshot disable trigger snapshot_is_append_only`.execute(db)
    await sql`
      update snapshot set deflated = (select deflated from snapshot where sha256 <> ${name} limit 1)
      where sha256 = ${name}`.execute(db)
    assert.match(String(await rejection(store().get(name))), /corrupt/)
  })

  test('says that a snapshot which was never put is missing', async ({ store }) => {
    const never = sha256Of(Buffer.from('never put'))
    assert.match(String(await rejection(store().get(never))), /corrupt or missing/)
  })
})
