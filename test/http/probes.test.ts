import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import type { ProxyStatus } from '../../src/http/admin/status.ts'
import { startService } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'

const allOk = { database: 'ok', migrations: 'ok', projections: 'ok', server: 'ok' }

describe('/livez and /readyz', startService, (test) => {
  test('say nothing of upstream', async ({ api, get, upstream }) => {
    const clear = upstream.fail({ match: /./, mode: 'reset' })
    assert.is((await get('/p2/acme/log.json')).statusCode, 503)
    clear()
    assert.equal((await api('GET', '/livez')).body, { status: 'ok' })
    assert.equal((await api('GET', '/readyz')).body, { status: 'ok', checks: allOk })
  })

  test('and /metrics are for no cache, whatever they say', async ({ get, withoutDatabase }) => {
    const paths = ['/livez', '/readyz', '/metrics']
    const all = async () => await Promise.all(paths.map(async (path) => await get(path)))
    for (const { headers } of [...(await all()), ...(await withoutDatabase(all))]) {
      assert.is(headers['cache-control'], 'no-store')
    }
  })

  test('without a database: alive, not ready, and ready again with it', async (service) => {
    const { api, withoutDatabase } = service
    await withoutDatabase(async () => {
      assert.is((await api('GET', '/livez')).status, 200)
      const { status, body } = await api('GET', '/readyz')
      assert.is(status, 503)
      const checks = { ...allOk, database: 'no answer', migrations: 'unknown' }
      assert.equal(body, { status: 'not ready', checks })
    })
    assert.is((await api('GET', '/readyz')).status, 200)
  })

  test('with the tables of an older release: not ready', async ({ api, database }) => {
    const { rows } = await sql<{ name: string; timestamp: string }>`
      delete from kysely_migration
      where name = (select max(name) from kysely_migration) returning *`.execute(database.db)
    const { status, body } = await api('GET', '/readyz')
    assert.is(status, 503)
    const checks = { ...allOk, migrations: 'older than this release' }
    assert.equal(body, { status: 'not ready', checks })
    await sql`
      insert into kysely_migration values (${rows[0]?.name}, ${rows[0]?.timestamp})`.execute(
      database.db,
    )
    assert.is((await api('GET', '/readyz')).status, 200)
  })

  test('with a read model that stopped: not ready, and the status says which', async (service) => {
    const { api, get, database } = service
    await sql`
      create function broken() returns trigger language plpgsql as $$
      begin raise exception 'no such thing'; end $$`.execute(database.db)
    await sql`
      create trigger broken before insert on document_current
      for each statement execute function broken()`.execute(database.db)
    await get('/p2/acme/http.json')
    await eventually('the read model has stopped', async () => {
      return (await api('GET', '/readyz')).status === 503
    })
    const { checks } = (await api('GET', '/readyz')).body as { checks: object }
    assert.equal(checks, { ...allOk, projections: 'document: stopped' })
    const { body } = await api('GET', '/api/v1/proxy/status')
    const { projections } = body as Pick<ProxyStatus, 'projections'>
    const stopped = projections.filter(({ state }) => state === 'stopped')
    assert.equal(
      stopped.map(({ name, error }) => [name, error]),
      [['document', 'after position 1: no such thing']],
    )
  })
})
