import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { distOf } from '../support/dist.ts'
import { type Service, startService } from '../support/service.ts'
import { patientMs } from '../support/slowness.ts'
import { describe } from '../support/suite.ts'

/** Every series by its name with its labels, in the order of the text. */
async function scrape({ get }: Pick<Service, 'get'>): Promise<ReadonlyMap<string, number>> {
  const { statusCode, body } = await get('/metrics')
  assert.is(statusCode, 200)
  const lines = body.toString().split('\n')
  const samples = lines.filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    samples.map((line) => {
      const end = line.lastIndexOf(' ')
      return [line.slice(0, end), Number(line.slice(end + 1))]
    }),
  )
}

const log = '/p2/acme/log.json'

describe('/metrics', startService, (test) => {
  test('is text in the format of Prometheus, with what Node says of itself', async (service) => {
    const { headers } = await service.get('/metrics')
    assert.match(headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/)
    const series = await scrape(service)
    assert.ok((series.get('process_resident_memory_bytes') ?? 0) > 0)
    assert.ok(series.has('nodejs_eventloop_lag_p99_seconds'))
  })

  test('counts requests by their route, upstream by its host, and appends', async (service) => {
    const { get, api, upstream } = service
    await get(log)
    await get(log)
    await get('/p2/acme/nothing.json')
    await get('/no/such/path')
    await api('GET', '/api/v1/proxy/status', { token: 'wrong' })
    const series = await scrape(service)
    const { host } = new URL(upstream.url)
    const document = 'route="/p2/:vendor/:file"'
    assert.is(series.get(`http_requests_total{${document},method="GET",status="200"}`), 2)
    assert.is(series.get(`http_requests_total{${document},method="GET",status="404"}`), 1)
    assert.is(series.get('http_requests_total{route="none",method="GET",status="404"}'), 1)
    assert.is(series.get(`http_request_duration_seconds_count{${document}}`), 3)
    // The stub isn't among the hosts of archives; upstream itself is always named.
    assert.is(series.get(`upstream_requests_total{host="${host}",status="200"}`), 1)
    assert.is(series.get(`upstream_requests_total{host="${host}",status="404"}`), 1)
    assert.is(series.get(`upstream_duration_seconds_count{host="${host}"}`), 2)
    assert.is(series.get(`upstream_breaker_state{host="${host}"}`), 0)
    assert.is(series.get('event_append_total{result="appended"}'), 2)
    assert.is(series.get('auth_failures_total'), 1)
    assert.is(series.get('integrity_failures_total'), 0)
  })

  test('shows what is now: cache, read models, connections, disk', async (service) => {
    const { get } = service
    const { reference } = await distOf(service, 'acme/log', '2.0.0')
    const { body } = await get(`/dist-proxy/acme/log/2.0.0.0/${reference}.zip`)
    const series = await scrape(service)
    assert.is(series.get('cache_bytes{kind="logical"}'), body.length)
    assert.ok((series.get('cache_bytes{kind="physical"}') ?? 0) > body.length)
    assert.is(series.get('projection_lag_events{projection="document"}'), 0)
    assert.ok((series.get('db_pool_used') ?? -1) >= 0)
    assert.is(series.get('db_pool_waiting'), 0)
    const free = series.get('disk_free_ratio') ?? -1
    assert.ok(free > 0 && free < 1, `${free}`)
  })

  test('says how upstream fails, and that it is left alone', async (service) => {
    const { get, upstream, clock } = service
    clock.advance(3600)
    const clear = upstream.fail({ match: /./, mode: 'reset' })
    await get(log)
    clock.advance(3600)
    await get(log)
    clear()
    const series = await scrape(service)
    const { host } = new URL(upstream.url)
    assert.is(series.get(`upstream_requests_total{host="${host}",status="connection"}`), 5)
    assert.is(series.get(`upstream_breaker_state{host="${host}"}`), 2)
    clock.advance(120)
  })

  test('counts bytes that are not what their name says', async (service) => {
    const { get, database, restart } = service
    const { reference } = await distOf(service, 'acme/http', '1.1.0')
    const path = `/dist-proxy/acme/http/1.1.0.0/${reference}.zip`
    assert.is((await get(path)).statusCode, 200)
    await restart() // The blob is out of memory, and all is counted anew.
    await sql`
      select lo_put(oid, 0, '\\x00') from blob order by oid desc limit 1`.execute(database.db)
    await get(path).catch(() => undefined)
    assert.is((await scrape(service)).get('integrity_failures_total'), 1)
  })
})

describe('where an answer came from', startService, (test) => {
  async function counted(service: Service, kind: string): Promise<Record<string, number>> {
    const found: Record<string, number> = {}
    for (const [name, count] of await scrape(service)) {
      const [, result] =
        new RegExp(`^cache_requests_total\\{kind="${kind}",result="(\\w+)"\\}$`).exec(name) ?? []
      if (result !== undefined) found[result] = count
    }
    return found
  }

  test('is counted for metadata, pinned or not', async (service) => {
    const { get, clock, upstream } = service
    const gate = upstream.hold(/^\/p2\//)
    const asked = [get(log), get(log), get(log)]
    await gate.arrived
    gate.release()
    await Promise.all(asked)
    await get(log)
    await get('/at/2026-05-31/p2/acme/log.json')
    await get('/p2/acme/nothing.json')
    await get('/p2/acme/nothing.json')
    await get('/at/2026-05-31/p2/acme/nothing.json')
    assert.equal(await counted(service, 'metadata'), { miss: 2, coalesced: 2, hit: 2, negative: 2 })
    clock.advance(3600)
    await get(log)
    clock.advance(3600)
    const clear = upstream.fail({ match: /./, mode: 'status', status: 500 })
    await get(log)
    await get(log)
    clear()
    assert.equal(await counted(service, 'metadata'), {
      miss: 3,
      coalesced: 2,
      hit: 2,
      negative: 2,
      stale: 2,
    })
  })

  test('is counted for archives', async (service) => {
    const { get, clock, upstream } = service
    clock.advance(3600)
    const { reference } = await distOf(service, 'acme/log', '2.0.0')
    const path = `/dist-proxy/acme/log/2.0.0.0/${reference}.zip`
    const gate = upstream.hold(/^\/dist\//)
    const first = get(path)
    await gate.arrived
    const second = get(path)
    gate.release()
    await Promise.all([first, second])
    await get(path)
    clock.advance(86_401)
    await get(path)
    await get('/dist-proxy/acme/log/2.0.0.0/0000.zip')
    const archives = await counted(service, 'archives')
    assert.is(archives['hit'], 1)
    assert.is(archives['stale'], 1)
    assert.is(archives['miss'], 2)
    assert.is(archives['coalesced'], 1)
  })

  test('two nodes: the one that waited for the other has coalesced', async (service) => {
    const { startNode, get, upstream } = service
    const other = await startNode()
    const before = await counted(service, 'metadata')
    const gate = upstream.hold(/^\/p2\/beta/)
    const first = other('/p2/beta/text.json')
    await gate.arrived
    const second = get('/p2/beta/text.json')
    gate.release()
    assert.equal(
      (await Promise.all([first, second])).map(({ statusCode }) => statusCode),
      [200, 200],
    )
    const after = await counted(service, 'metadata')
    assert.is(after['coalesced'], (before['coalesced'] ?? 0) + 1)
  })
})

describe('a scrape', startService, (test) => {
  test('answers without a database, with what there is', async (service) => {
    await service.withoutDatabase(async () => {
      const series = await scrape(service)
      assert.not.ok(series.has('cache_bytes{kind="logical"}'))
      assert.not.ok([...series.keys()].some((name) => name.startsWith('projection_lag_events{')))
      assert.ok(series.has('disk_free_ratio'))
    })
    assert.is((await scrape(service)).get('cache_bytes{kind="logical"}'), 0)
  })

  test('waits for a database that hangs for two seconds, and asks it once', async (service) => {
    const { database } = service
    const hung = database.db.transaction().execute(async (tx) => {
      await sql`lock table blob_use_total in access exclusive mode`.execute(tx)
      const begun = performance.now()
      for (let time = 0; time < 3; time++) {
        assert.not.ok((await scrape(service)).has('cache_bytes{kind="logical"}'))
      }
      const tookMs = performance.now() - begun
      assert.ok(tookMs < patientMs(9_000), `three took ${Math.round(tookMs)} ms`)
      const { rows } = await sql`
        select from pg_stat_activity
        where wait_event_type = 'Lock' and query like '%blob_use_total%'`.execute(tx)
      assert.is(rows.length, 1)
    })
    await hung
    assert.is((await scrape(service)).get('cache_bytes{kind="logical"}'), 0)
  })

  test('has no series that a client can make', async (service) => {
    const { get, api, url } = service
    await get(log)
    const ask = async (round: number) => {
      await get(`/no/${round}`)
      await get(`/p2/hostile${round}/name.json?at=${round}`)
      await get(`/at/${round}/packages.json`)
      await get(`/dist-proxy/a/b/${round}/${round}.zip`)
      // Of more wrong tokens than these, most are 503 without being looked up.
      await api('GET', `/api/v1/${round}`, { token: `${round % 10}`.repeat(9) })
      await api('PROPFIND', `/p2/acme/${round}.json`)
      await fetch(`${url}/${round}`, { headers: { host: `${round}.example` } })
    }
    await ask(0)
    const before = [...(await scrape(service)).keys()].filter((name) => !name.startsWith('nodejs_'))
    for (let round = 1; round < 50; round++) await ask(round)
    const after = [...(await scrape(service)).keys()].filter((name) => !name.startsWith('nodejs_'))
    assert.equal(after.toSorted(), before.toSorted())
    assert.ok(after.length < 500, `${after.length} series`)
  })
})
