import * as assert from 'uvu/assert'
import { startService, type Service } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const everything = /./
const log = '/p2/acme/log.json'
/** Documents that nobody asked for before, each another one. */
const unknown = Array.from({ length: 40 }, (_, index) => `/p2/acme/unknown-${index}.json`)

async function failedFetches({ events }: Service): Promise<number> {
  return (await events()).filter(({ type }) => type === 'MetadataFetchFailed').length
}

/** Asks for all of them at once. */
async function statusesOf({ get }: Service, paths: readonly string[]): Promise<readonly number[]> {
  const answers = await Promise.all(paths.map(async (path) => await get(path)))
  return answers.map(({ statusCode }) => statusCode)
}

/** Of an archive that metadata names and that isn't here yet. */
async function archivePath({ get }: Service, name: string, version: string): Promise<string> {
  const document = (await get(`/p2/${name}.json`)).body.toString()
  const [, reference] =
    new RegExp(`"version":"${version}".*?"dist":.*?"reference":"([0-9a-f]{40})"`).exec(document) ??
    []
  return `/dist-proxy/${name}/${version}.0/${reference}.zip`
}

describe('a single failure', startService, (test) => {
  test('on the way to metadata is not noticed, and not recorded', async (service) => {
    for (const mode of ['reset', 'truncate', 'status'] as const) {
      service.upstream.fail({ match: /^\/p2\/acme\/log/, mode, times: 1 })
      const answer = await service.get(log)
      assert.is(answer.statusCode, 200, mode)
      assert.is(answer.headers['warning'], undefined, mode)
      service.clock.advance(3600)
    }
    assert.is(await failedFetches(service), 0)
  })

  test('on the way to an archive neither', async (service) => {
    const path = await archivePath(service, 'acme/log', '2.0.0')
    service.upstream.forget()
    service.upstream.fail({ match: /^\/dist\//, mode: 'truncate', times: 2 })
    assert.is((await service.get(path)).statusCode, 200)
    assert.is(service.upstream.requestsFor(/^\/dist\//).length, 3)
  })
})

describe('while upstream is down', startService, (test) => {
  test('it is asked a few times, then left alone, whatever our clients ask', async (service) => {
    const { get, upstream, clock } = service
    const good = await get(log)
    clock.advance(3600)
    upstream.forget()
    upstream.fail({ match: everything, mode: 'reset' })
    const stale = await get(log)
    assert.is(stale.statusCode, 200)
    assert.is(stale.body.toString(), good.body.toString())
    assert.equal(new Set(await statusesOf(service, unknown)), new Set([503]))
    const asked = upstream.requests.length
    assert.ok(asked >= 5 && asked < 20, `${asked} requests`)
    const recorded = await failedFetches(service)
    assert.ok(recorded > 0 && recorded <= asked, `${recorded} fetches are recorded`)

    for (let round = 0; round < 3; round++) await statusesOf(service, [log, ...unknown])
    assert.is(upstream.requests.length, asked)
    assert.is(await failedFetches(service), recorded, 'what was not asked is not recorded')
  })

  test('what is here is served and said to be stale; what is not is 503 without a time', async ({
    get,
  }) => {
    const stale = await get(log)
    assert.is(stale.statusCode, 200)
    assert.match(stale.headers['warning'] ?? '', /^110 /)
    const [path = ''] = unknown
    const refused = await get(path)
    assert.is(refused.statusCode, 503)
    assert.is(refused.headers['retry-after'], undefined, 'Composer would wait for so long')
    assert.is(refused.headers['content-type'], 'application/json')
  })

  test('each pause ends with one question, and each is twice as long', async (service) => {
    const { upstream, clock } = service
    for (const pauseSeconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
      clock.advance(pauseSeconds - 0.001)
      upstream.forget()
      await statusesOf(service, unknown)
      assert.is(upstream.requests.length, 0, `before ${pauseSeconds} s are over`)
      clock.advance(0.001)
      assert.equal(new Set(await statusesOf(service, unknown)), new Set([503]))
      assert.is(upstream.requests.length, 1, `after ${pauseSeconds} s`)
    }
  })
})

describe('when upstream is well again', startService, (test) => {
  test('the others do not wait for the one that finds out', async (service) => {
    const { get, upstream, clock } = service
    await get(log)
    clock.advance(3600)
    const clear = upstream.fail({ match: everything, mode: 'status', status: 502 })
    await statusesOf(service, [log, '/p2/acme/http.json', ...unknown])
    clear()
    clock.advance(5)
    upstream.forget()
    const gate = upstream.hold(everything)
    const first = get('/p2/acme/http.json')
    await gate.arrived
    const stale = await get(log)
    assert.is(stale.statusCode, 200)
    assert.match(stale.headers['warning'] ?? '', /^110 /)
    assert.equal(new Set(await statusesOf(service, unknown)), new Set([503]))
    assert.is(upstream.requests.length, 1)
    gate.release()
    assert.is((await first).statusCode, 200)
  })

  test('and all goes on at once', async (service) => {
    const { get, upstream } = service
    assert.equal(new Set(await statusesOf(service, unknown)), new Set([404]))
    assert.is(upstream.requests.length, 1 + unknown.length)
    assert.is((await get(log)).headers['warning'], undefined)
  })
})

describe('an upstream that asks for a pause', startService, (test) => {
  const limit = { match: everything, mode: 'status', status: 429, retryAfterSeconds: 120 } as const

  test('is asked once in each window, and 429 is never passed on', async (service) => {
    const { get, upstream, clock } = service
    const archive = await archivePath(service, 'acme/log', '2.0.0')
    await get('/packages.json')
    assert.is((await get('/p2/acme/nothing.json')).statusCode, 404)
    clock.advance(3600)
    upstream.fail(limit)
    for (let window = 0; window < 3; window++) {
      upstream.forget()
      for (const elapsedSeconds of [0, 40, 40, 39]) {
        clock.advance(elapsedSeconds)
        const stale = await get(log)
        assert.is(stale.statusCode, 200)
        assert.match(stale.headers['warning'] ?? '', /^110 /)
        for (const path of [
          ...unknown.slice(0, 3),
          archive,
          '/search.json?q=acme',
          '/packages/list.json',
          '/providers/acme/log.json',
          '/api/security-advisories/?packages[]=acme/clock',
          // Upstream said that it has no such package; that is too long ago to go by.
          '/p2/acme/nothing.json',
        ]) {
          const answer = await get(path)
          assert.is(answer.statusCode, path === archive ? 404 : 503, path)
          assert.is(answer.headers['retry-after'], undefined, path)
        }
      }
      // Metadata and archives, and what is relayed, find out each for themselves.
      assert.is(upstream.requests.length, 2, 'in this window')
      assert.is(upstream.requestsFor(/^\/(search|packages\/|providers|lists|api)/).length, 1)
      clock.advance(1)
    }
  })
})

describe('the first 429', startService, (test) => {
  const questions = ['/search.json?q=a', '/packages/list.json'] as const
  for (const path of questions) {
    test(`to ${path} is a 503 for our client`, async ({ get, upstream, clock }) => {
      await get('/packages.json')
      const asked = new RegExp(`^${path.replace(/\?.*/, '')}`)
      const clear = upstream.fail({ match: asked, mode: 'status', status: 429 })
      upstream.forget()
      const answer = await get(path)
      assert.is(upstream.requestsFor(asked).length, 1)
      clear()
      assert.is(answer.statusCode, 503)
      assert.is(answer.headers['content-type'], 'application/json')
      clock.advance(60)
      assert.is((await get(path)).statusCode, 200, 'a minute later it is answered')
    })
  }

  test('to an archive is a 404 that says so, and so is a 403 that means the same', async (service) => {
    const { get, upstream, clock } = service
    const path = await archivePath(service, 'acme/log', '2.0.0')
    for (const status of [429, 403]) {
      const fault = { match: /^\/dist\//, mode: 'status', status, retryAfterSeconds: 60 } as const
      const clear = upstream.fail(fault)
      upstream.forget()
      for (let time = 0; time < 3; time++) {
        const answer = await get(path)
        assert.is(answer.statusCode, 404, 'Composer goes to the origin then')
        assert.match(answer.body.toString(), `answered ${status}`)
      }
      assert.is(upstream.requests.length, 1)
      clear()
      clock.advance(60)
    }
    assert.is((await get(path)).statusCode, 200)
  })

  test('to advisories that are posted is one too', async ({ url, get, upstream, clock }) => {
    await get('/packages.json')
    const clear = upstream.fail({ match: /advisories/, mode: 'status', status: 429 })
    const body = new URLSearchParams({ 'packages[0]': 'acme/clock' })
    const post = async () => {
      return await fetch(`${url}/api/security-advisories/`, { method: 'POST', body })
    }
    assert.is((await post()).status, 503)
    const paused = await post()
    assert.is(paused.status, 503)
    assert.is(paused.headers.get('retry-after'), null, 'Composer would wait for so long')
    clear()
    clock.advance(60)
    assert.is((await post()).status, 200)
  })

  test('what upstream thinks of us is not passed on either', async ({ get, upstream }) => {
    for (const status of [401, 403, 407, 302]) {
      upstream.fail({ match: /search/, mode: 'status', status, times: 1 })
      assert.is((await get('/search.json?q=a')).statusCode, 503, String(status))
    }
    upstream.fail({ match: /search/, mode: 'status', status: 400, times: 1 })
    assert.is((await get('/search.json?q=a')).statusCode, 400, 'what it thinks of the question is')
    assert.is((await get('/search.json?q=a')).statusCode, 200)
  })
})
