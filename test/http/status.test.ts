import * as assert from 'uvu/assert'
import type { ProxyStatus } from '../../src/http/admin/status.ts'
import { version } from '../../src/version.ts'
import { distOf } from '../support/dist.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

async function statusOf({ api }: Pick<Service, 'api'>): Promise<ProxyStatus> {
  const { status, body } = await api('GET', '/api/v1/proxy/status')
  assert.is(status, 200)
  return body as ProxyStatus // what its schema let through
}

const withFeed = async () => await startService({ settings: { PROXY_FEED_INTERVAL: '60' } })

describe('the status', withFeed, (test) => {
  test('of a proxy that was never asked: nothing known, nothing wrong', async (service) => {
    service.clock.advance(90)
    const { upstream, cache, feed, log, projections, settings, ...rest } = await statusOf(service)
    assert.is(settings['PROXY_PACKAGIST_URL'], service.upstream.url)
    assert.is(settings['PROXY_FEED_INTERVAL'], 60)
    assert.is(settings['ADMIN_TOKEN'], 'set')
    assert.is(settings['DATABASE_URL'], null)
    assert.equal(rest, {
      enabled: true,
      version,
      startedAt: '2026-06-01T00:00:00.000000Z',
      uptimeSeconds: 90,
      frozen: [],
      nameList: { inUse: false, fetchedAt: null, names: null, problem: 'not_fetched' },
    })
    assert.equal(upstream, {
      url: service.upstream.url,
      state: 'up',
      lastSuccessAt: null,
      lastFailureAt: null,
      lastError: null,
      lastProblem: null,
      pausedUntil: null,
      hosts: [],
    })
    const { physicalBytes, ...logical } = cache
    assert.ok(physicalBytes >= 0)
    assert.equal(logical, {
      sizeBytes: 0,
      maxSizeBytes: 10_737_418_240,
      archives: 0,
      documents: 0,
      oldestUseAt: null,
    })
    assert.equal(feed, { enabled: true, lastReadAt: null, lagSeconds: null })
    assert.equal(log, { backend: 'postgres', head: 0 })
    assert.ok(projections.length > 3)
    for (const { position, lagEvents, state, error } of projections) {
      assert.equal(
        { position, lagEvents, state, error },
        { position: 0, lagEvents: 0, state: 'running', error: null },
      )
    }
  })

  test('says what is in the cache and how far the log and the read models are', async (service) => {
    const { get, clock, runJob, events } = service
    await get('/p2/acme/log.json')
    const before = await statusOf(service)
    const archives = [
      ['acme/log', '2.0.0'],
      ['acme/http', '1.1.0'],
    ] as const
    let sizeBytes = 0
    for (const [name, number] of archives) {
      const { reference } = await distOf(service, name, number)
      const answer = await get(`/dist-proxy/${name}/${number}.0/${reference}.zip`)
      sizeBytes += answer.body.length
      clock.advance(60)
    }
    await runJob('archive accesses')
    const { cache, log, projections } = await statusOf(service)
    assert.is(cache.sizeBytes, sizeBytes)
    assert.ok(cache.physicalBytes > before.cache.physicalBytes)
    assert.is(cache.archives, 2)
    assert.match(
      cache.oldestUseAt ?? '',
      /^2026-06-01T00:01:30\.00000/,
      'by the log, which counts on',
    )
    const kept = (await events()).filter(({ type }) => type === 'MetadataChanged')
    assert.is(cache.documents, kept.length, 'each was kept once')
    assert.is(log.head, (await events()).length)
    for (const { name, position, lagEvents } of projections) {
      assert.is(position + lagEvents, log.head, name)
    }
  })

  test('says when the change feed was read last, and how long ago that is', async (service) => {
    const { clock, runJob } = service
    await runJob('change feed')
    await runJob('change feed')
    const lastReadAt = clock.now()
    clock.advance(75)
    assert.equal((await statusOf(service)).feed, { enabled: true, lastReadAt, lagSeconds: 75 })
  })
})

describe('upstream in the status', startService, (test) => {
  test('is up, degraded after a failure, and down while it is left alone', async (service) => {
    const { get, upstream, clock } = service
    await get('/p2/acme/log.json')
    const lastSuccessAt = clock.now()
    const { hosts: _hosts, ...up } = (await statusOf(service)).upstream
    assert.equal(up, {
      url: upstream.url,
      state: 'up',
      lastSuccessAt,
      lastFailureAt: null,
      lastError: null,
      lastProblem: null,
      pausedUntil: null,
    })
    clock.advance(10)
    const clear = upstream.fail({ match: /^\/p2\//, mode: 'status', status: 500 })
    await get('/p2/acme/http.json')
    const degraded = (await statusOf(service)).upstream
    assert.is(degraded.state, 'degraded')
    assert.is(degraded.lastError, 'status')
    const { host } = new URL(upstream.url)
    assert.is(degraded.lastProblem, `${host} answered 500 (Internal Server Error)`)
    assert.is(degraded.lastFailureAt, clock.now())
    assert.is(degraded.lastSuccessAt, lastSuccessAt)
    for (const name of ['text', 'clock', 'container', 'mailer']) await get(`/p2/acme/${name}.json`)
    const down = (await statusOf(service)).upstream
    assert.is(down.state, 'down')
    assert.ok(down.pausedUntil !== null && down.pausedUntil > clock.now())
    clear()
    clock.advance(60)
    await get('/p2/acme/http.json')
    const again = (await statusOf(service)).upstream
    assert.is(again.state, 'up')
    assert.is(again.lastError, 'status', 'what the last failure was, stays')
    assert.equal(
      again.hosts.map(({ origin, state }) => [origin, state]),
      [[upstream.url, 'up']],
    )
  })

  test('that asks for a pause is not down', async (service) => {
    const { get, upstream, clock } = service
    clock.advance(7200)
    const clear = upstream.fail({ match: /./, mode: 'status', status: 429, retryAfterSeconds: 30 })
    await get('/p2/acme/log.json')
    const { state, lastError, pausedUntil } = (await statusOf(service)).upstream
    clear()
    assert.is(state, 'degraded')
    assert.is(lastError, 'paused')
    assert.is(pausedUntil, '2026-06-01T02:01:40.000000Z')
  })
})
