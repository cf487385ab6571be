import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { startService } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'

const log = '/p2/acme/log.json'

describe('two nodes over one database', startService, (test) => {
  test('500 cold requests, half to each, are one upstream request', async (service) => {
    const { get, upstream, startNode } = service
    const other = await startNode()
    const gate = upstream.hold(/^\/p2\//)
    const asked = Array.from(
      { length: 500 },
      async (_, n) => await (n % 2 === 0 ? get : other)(log),
    )
    await gate.arrived
    gate.release()
    for (const { statusCode } of await Promise.all(asked)) assert.is(statusCode, 200)
    assert.is(upstream.requestsFor(/^\/p2\//).length, 1)
  })

  test('an archive is downloaded by one of them', async ({ get, upstream, startNode }) => {
    const other = await startNode()
    const [, reference] =
      /"2\.1\.0".*?"reference":"([0-9a-f]{40})"/.exec((await get(log)).body.toString()) ?? []
    const path = `/dist-proxy/acme/log/2.1.0.0/${reference}.zip`
    const gate = upstream.hold(/^\/dist\//)
    const asked = [get(path), other(path), get(path), other(path)]
    await gate.arrived
    gate.release()
    for (const { statusCode } of await Promise.all(asked)) assert.is(statusCode, 200)
    assert.is(upstream.requestsFor(/^\/dist\//).length, 1)
  })

  test('what one has seen, the other serves', async ({ get, upstream, clock, startNode }) => {
    const other = await startNode()
    await other('/p2/beta/text.json')
    upstream.publish('beta/text', '3.0.0')
    clock.advance(3600)
    await get('/p2/beta/text.json')
    await eventually('the other node serves it too', async () => {
      return (await other('/p2/beta/text.json')).body.includes('"3.0.0"')
    })
  })

  test('a node that died in the middle is replaced as soon as its turn has run out', async (service) => {
    const { get, database } = service
    await sql`
      insert into job_lease (name, holder, expires_at)
      values ('fetch acme/http', gen_random_uuid(), clock_timestamp() + interval '300 ms')`.execute(
      database.db,
    )
    assert.is((await get('/p2/acme/http.json')).statusCode, 200)
  })

  test('turns are given back: none is left when nobody fetches', async ({ database }) => {
    const { rows } = await sql`select name from job_lease where name like 'fetch %'`.execute(
      database.db,
    )
    assert.equal(rows, [])
  })
})
