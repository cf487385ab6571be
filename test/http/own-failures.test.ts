import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { createRenderedSince } from '../../src/database/root-rendering.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const log = '/p2/acme/log.json'

describe('failures of our own', startService, (test) => {
  test('a database that takes no writes does not keep what is stored from being served', async ({
    get,
    clock,
    database,
  }) => {
    const before = await get(log)
    // 53100: no space left on the device.
    await sql`
      create function full_disk() returns trigger language plpgsql as $$
      begin raise exception 'could not extend file' using errcode = '53100'; end $$`.execute(
      database.db,
    )
    await sql`
      create trigger full_disk before insert on event
      for each statement execute function full_disk()`.execute(database.db)
    clock.advance(3600)
    const during = await get(log)
    assert.is(during.statusCode, 200)
    assert.ok(during.body.equals(before.body))
    assert.is((await get('/p2/acme/http.json')).statusCode, 503, 'what was never seen')
    await sql`drop trigger full_disk on event`.execute(database.db)
    assert.is((await get('/p2/acme/http.json')).statusCode, 200, 'and then it goes on')
    assert.is((await get('/readyz')).statusCode, 200)
  })

  test('an archive of a package without branches is found at the first request', async ({
    get,
    upstream,
  }) => {
    const text = await (await fetch(`${upstream.url}/p2/acme/clock.json`)).text()
    const [, reference] = /"1\.0\.1".*?"reference":"([0-9a-f]{40})"/.exec(text) ?? []
    const clear = upstream.fail({ match: /acme\/clock~dev/, mode: 'status', status: 404 })
    const answer = await get(`/dist-proxy/acme/clock/1.0.1.0/${reference}.zip`)
    clear()
    assert.is(answer.statusCode, 200)
  })

  test('requests that make no sense get an answer in the form of all others', async ({ url }) => {
    assert.is((await fetch(`${url}/packages.json`, { method: 'PUT' })).status, 405)
    assert.is((await fetch(`${url}/p2/acme/%E0%A4%A.json`)).status, 404)
  })
})

describe('the date of the root file', startService, (test) => {
  test('rises with every new content, also within a second, and stays with the same', async ({
    database,
  }) => {
    const since = createRenderedSince(database.db)
    const first = await since('https://one.example 1')
    const second = await since('https://one.example 2')
    assert.ok(second > first, `${second} is later than ${first}`)
    assert.is(await since('https://one.example 1'), first)
    assert.is(await createRenderedSince(database.db)('https://one.example 2'), second)
  })

  test('is not given to a pin that has yet to settle, whose words will change', async ({
    get,
    clock,
  }) => {
    await get('/packages.json')
    const path = '/at/2026-06-01T00:00:00Z/packages.json'
    const unsettled = await get(path)
    assert.is(unsettled.headers['last-modified'], undefined)
    clock.advance(120)
    const settled = await get(path)
    const date = settled.headers['last-modified'] ?? ''
    assert.not.ok(settled.body.equals(unsettled.body))
    assert.is((await get(path, { 'if-modified-since': date })).statusCode, 304)
  })
})
