import { sourcesOf } from '../support/sources.ts'
import * as assert from 'uvu/assert'
import { projections } from '../../projections/index.ts'
import { PackageName } from '../../src/composer/names.ts'
import { newEvent } from '../../src/events/new-event.ts'
import { usageStream } from '../../src/events/types.ts'
import type { ProxyStats } from '../../src/http/admin/stats.ts'
import { Problem } from '../../src/http/errors.ts'
import { rebuild } from '../../src/projector/rebuild.ts'
import { createSnapshotStore } from '../../src/snapshots/store.ts'
import { Instant } from '../../src/time-machine/instant.ts'
import { distOf } from '../support/dist.ts'
import { type Service, startService } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'

const log = '/p2/acme/log.json'

async function readStats({ api }: Pick<Service, 'api'>, query = ''): Promise<ProxyStats> {
  const { status, body } = await api('GET', `/api/v1/proxy/stats${query}`)
  assert.is(status, 200)
  return body as ProxyStats // what its schema let through
}

/** After what was counted has been recorded and applied. */
async function recorded(service: Service, query = ''): Promise<ProxyStats> {
  await service.runJob('usage')
  const head = await service.log.head()
  await eventually('the read model has it', async () => {
    const { body } = await service.api('GET', '/api/v1/proxy/status')
    const { projections: states } = body as { projections: { name: string; position: number }[] }
    return states.find(({ name }) => name === 'usage')?.position === Number(head)
  })
  return await readStats(service, query)
}

async function rebuildUsage({ database, log: events }: Service): Promise<void> {
  const { db } = database
  const sources = sourcesOf(createSnapshotStore(db).get)
  for (const projection of projections) {
    if (projection.name === 'usage') await rebuild({ db, log: events, projection, sources })
  }
}

const beforeMidnight = async () => await startService({ at: '2026-05-31T23:50:00Z' })

describe('the statistics', beforeMidnight, (test) => {
  test('are empty before anything was done', async (service) => {
    const { days, topPackages, since, from, to, metadata, latencyMs } = await recorded(service)
    assert.equal({ days, topPackages, since }, { days: [], topPackages: [], since: null })
    assert.equal([from, to], ['2026-05-02', '2026-05-31'])
    assert.is(metadata.hitRatio, null)
    assert.equal(latencyMs, { p50: null, p95: null, p99: null })
    assert.is((await service.events()).length, 0, 'nothing is recorded of nothing')
  })

  test('count what was sent, from where, and what it took, by day', async (service) => {
    const { get, upstream, clock } = service
    let sentBytes = 0
    async function ask(path: string): Promise<void> {
      sentBytes += (await get(path, { 'accept-encoding': 'identity' })).body.length
    }
    for (const path of [log, log, log, '/p2/acme/http.json']) await ask(path)
    await ask('/p2/acme/nothing.json')
    clock.advance(1200)
    const { reference } = await distOf(service, 'acme/log', '2.0.0')
    for (let time = 0; time < 3; time++) await ask(`/dist-proxy/acme/log/2.0.0.0/${reference}.zip`)
    const { reference: other } = await distOf(service, 'acme/http', '1.1.0')
    await ask(`/dist-proxy/acme/http/1.1.0.0/${other}.zip`)
    const clear = upstream.fail({ match: /acme\/text/, mode: 'status', status: 400 })
    await ask('/p2/acme/text.json')
    clear()
    await ask('/p2/acme/nothing.json')

    const stats = await recorded(service)
    assert.is(stats.since, '2026-05-31T00:00:00.000000Z')
    assert.equal(
      stats.days.map(({ day, metadata, archives }) => [day, metadata.hits, archives.hits]),
      [
        ['2026-05-31', 2, 0],
        ['2026-06-01', 0, 2],
      ],
    )
    const { hitRatio, ...metadata } = stats.metadata
    assert.equal(metadata, { hits: 2, misses: 5, stale: 0, coalesced: 0, negative: 0 })
    assert.is(hitRatio, 2 / 7)
    assert.equal(stats.archives, {
      hits: 2,
      misses: 2,
      stale: 0,
      coalesced: 0,
      negative: 0,
      hitRatio: 0.5,
    })
    assert.is(stats.upstream.requests, 7, 'one for each miss')
    assert.is(stats.upstream.failures, 0, '404 and 400 are answers')
    assert.is(stats.served.bytes, sentBytes)
    assert.is(stats.served.bytesSaved, Math.max(0, stats.served.bytes - stats.upstream.bytes))
    assert.is(stats.served.requests, 11)
    assert.equal(stats.topPackages, [
      { package: 'acme/log', metadataRequests: 3, archiveRequests: 3 },
      { package: 'acme/http', metadataRequests: 1, archiveRequests: 1 },
    ])
    const { p50, p95, p99 } = stats.latencyMs
    assert.ok(p50 !== null && p95 !== null && p99 !== null)
    assert.ok(p50 <= p95 && p95 <= p99, `${p50} ${p95} ${p99}`)
    const sums = stats.days.reduce((sum, { served }) => sum + served.bytes, 0)
    assert.is(sums, stats.served.bytes, 'the days make up the sum')
  })

  test('of some days are of those days, and refuse what are none', async (service) => {
    const { api } = service
    const second = await readStats(service, '?from=2026-06-01&to=2026-06-01')
    assert.equal(
      second.days.map(({ day }) => day),
      ['2026-06-01'],
    )
    assert.is(second.metadata.hits, 0)
    assert.is(second.archives.hits, 2)
    assert.equal(
      second.topPackages.map(({ package: name }) => name),
      ['acme/log', 'acme/http'],
    )
    assert.is((await readStats(service, '?to=2026-05-31')).archives.hits, 0)
    assert.is((await readStats(service, '?from=2025-06-01&to=2026-06-01')).archives.hits, 2)
    const refusals = {
      '?from=2026-02-30': 'query: from must be a date like 2026-05-31',
      '?to=yesterday': 'query: to must be a date like 2026-05-31',
      '?from=2026-06-02&to=2026-06-01': 'query: from must not be after to',
      '?from=2025-05-31&to=2026-06-01': 'query: from and to may be 366 days at most',
      '?day=2026-06-01': 'the query has day, which means nothing here; it may have from, to',
    }
    for (const [query, detail] of Object.entries(refusals)) {
      const { status, body } = await api('GET', `/api/v1/proxy/stats${query}`)
      assert.is(status, 400, query)
      assert.is(Problem.parse(body).detail, detail)
    }
  })

  test('count evictions', async (service) => {
    const { api } = service
    const purged = await api('POST', '/api/v1/proxy/purge', { json: { package: 'acme/log' } })
    assert.is(purged.status, 200)
    const { evictions, days } = await recorded(service)
    assert.is(evictions, 1)
    assert.equal(
      days.map((day) => day.evictions),
      [0, 1],
    )
  })

  test('are the same after a restart and a rebuild', async (service) => {
    const { get, restart } = service
    await get(log)
    await restart() // What was counted until now is recorded on the way.
    const before = await recorded(service)
    assert.is(before.served.requests, 12)
    await restart()
    assert.equal(await readStats(service), before)
    await rebuildUsage(service)
    assert.equal(await readStats(service), before)
  })

  test('count two nodes together', async (service) => {
    const { clock, startNode, runJob } = service
    const before = await recorded(service)
    clock.advance(86_400)
    const other = await startNode()
    for (let time = 0; time < 5; time++) await other(log)
    await runJob('usage', 1)
    const after = await recorded(service)
    assert.is(after.served.requests, before.served.requests + 5)
    assert.is(after.days.at(-1)?.day, '2026-06-02')
  })
})

describe('the statistics of several batches', startService, (test) => {
  const none = { hit: 0, miss: 0, stale: 0, coalesced: 0, negative: 0 }
  const batch = (day: string, latency: readonly (readonly [number | null, number])[]) =>
    newEvent({
      type: 'UsageRecorded',
      data: {
        from: Instant.parse(`${day}T10:00:00.000000Z`),
        to: Instant.parse(`${day}T10:00:59.000000Z`),
        requests: 100,
        servedBytes: 1000,
        metadata: { ...none, hit: 3 },
        archives: { ...none, stale: 1, miss: 3 },
        upstream: { requests: 3, bytes: 700, failures: 1 },
        latency: latency.map(([upToMs, count]) => ({ upToMs, count })),
        packages: [{ packageName: PackageName.parse('acme/log'), metadata: 3, archives: 4 }],
      },
    })

  test('are their sums, and percentiles are the bounds that so many kept to', async (service) => {
    const events = [
      batch('2026-05-31', [
        [5, 94],
        [100, 6],
      ]),
      batch('2026-05-31', [
        [5, 94],
        [2000, 6],
      ]),
      batch('2026-06-01', [
        [10, 50],
        [null, 50],
      ]),
    ]
    await service.log.append({ stream: usageStream, expected: 'any', events })
    const stats = await recorded(service)
    assert.equal(stats.days[0]?.latencyMs, { p50: 5, p95: 100, p99: 2000 })
    assert.equal(stats.days[1]?.latencyMs, { p50: 10, p95: null, p99: null })
    assert.equal(stats.latencyMs, { p50: 5, p95: null, p99: null })
    assert.equal(stats.served, { requests: 300, bytes: 3000, bytesSaved: 900 })
    assert.equal(stats.upstream, { requests: 9, bytes: 2100, failures: 3 })
    assert.is(stats.metadata.hitRatio, 1)
    assert.is(stats.archives.hitRatio, 0.25)
    assert.equal(stats.topPackages, [
      { package: 'acme/log', metadataRequests: 9, archiveRequests: 12 },
    ])
  })
})
