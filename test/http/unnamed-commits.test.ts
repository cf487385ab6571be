import * as assert from 'uvu/assert'
import { distOf } from '../support/dist.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const distRequests = /^\/(dist|codeload)\//

describe('commits of a branch that no metadata names', startService, (test) => {
  test('are fetched from where the branch has its archives, and kept', async (service) => {
    const { get, upstream } = service
    const old = await distOf(service, 'beta/edge', 'dev-main')
    upstream.pushCommit('beta/edge', 'main')
    await get('/p2/beta/edge~dev.json')
    upstream.forget()
    const path = `/dist-proxy/beta/edge/dev-main/${old.reference}.zip`
    const answer = await get(path)
    assert.is(answer.statusCode, 200)
    assert.ok(answer.body.equals(Buffer.from(await (await fetch(old.url)).arrayBuffer())))
    upstream.forget()
    assert.is((await get(path)).statusCode, 200)
    assert.is(upstream.requestsFor(distRequests).length, 0, 'the second time it is here')
    const stored = (await service.events()).findLast(({ type }) => type === 'ArchiveStored')
    const { data = {} } = stored ?? {}
    const { versionNormalized, reference, sourceUrl } = data as Record<string, unknown> // of one type
    assert.equal([versionNormalized, reference, sourceUrl], ['dev-main', old.reference, old.url])
  })

  test('need no metadata beforehand, as in an install from a lock file', async (service) => {
    const { get, upstream } = service
    const { reference } = await distOf(service, 'acme/mailer', 'dev-main')
    upstream.pushCommit('acme/mailer', 'main')
    assert.is((await get(`/dist-proxy/acme/mailer/dev-main/${reference}.zip`)).statusCode, 200)
  })

  test('are 404 when upstream has no such commit', async ({ get, upstream }) => {
    await get('/p2/beta/edge~dev.json')
    upstream.forget()
    const path = `/dist-proxy/beta/edge/dev-main/${'a'.repeat(40)}.zip`
    assert.is((await get(path)).statusCode, 404)
    assert.is(upstream.requestsFor(distRequests).length, 1)
  })

  test('are of branches only: a tag is one commit', async ({ get, upstream }) => {
    await get('/p2/acme/log.json')
    await get('/p2/acme/log~dev.json')
    upstream.forget()
    for (const [version, reference] of [
      ['2.0.0.0', 'a'.repeat(40)],
      ['dev-nothing', 'a'.repeat(40)],
    ]) {
      const path = `/dist-proxy/acme/log/${version}/${reference}.zip`
      assert.is((await get(path)).statusCode, 404, path)
    }
    assert.is((await get(`/dist-proxy/acme/log/dev-main/${'a'.repeat(40)}.tar`)).statusCode, 404)
    assert.is(upstream.requestsFor(distRequests).length, 0)
  })

  test('are passed on each time when they are abbreviated, and kept by nobody', async (service) => {
    const { get, upstream } = service
    const old = upstream.pushCommit('beta/fonts', 'main')
    upstream.pushCommit('beta/fonts', 'main')
    await get('/p2/beta/fonts~dev.json')
    upstream.forget()
    const path = `/dist-proxy/beta/fonts/dev-main/${old.slice(0, 7)}.zip`
    for (const time of [1, 2]) {
      const { statusCode, headers } = await get(path)
      assert.equal([statusCode, headers['cache-control']], [200, 'no-store'])
      assert.is(upstream.requestsFor(distRequests).length, time)
    }
    const stored = (await service.events()).filter(({ type }) => type === 'ArchiveStored')
    assert.not.match(JSON.stringify(stored.map(({ data }) => data)), 'beta/fonts')
  })

  test('are not asked for again at once when upstream has no such', async ({
    get,
    upstream,
    clock,
  }) => {
    await get('/p2/acme/clock~dev.json')
    upstream.forget()
    const path = `/dist-proxy/acme/clock/dev-main/${'b'.repeat(40)}.zip`
    const ask = async () => (await get(path)).statusCode
    for (let time = 0; time < 5; time++) assert.is(await ask(), 404)
    assert.is(upstream.requestsFor(distRequests).length, 1)
    clock.advance(600)
    assert.is(await ask(), 404)
    assert.is(upstream.requestsFor(distRequests).length, 2)
  })

  test('nor while upstream fails', async ({ get, upstream, clock }) => {
    await get('/p2/acme/container~dev.json')
    const clear = upstream.fail({ match: distRequests, mode: 'status', status: 403 })
    upstream.forget()
    const path = `/dist-proxy/acme/container/dev-trunk/${'c'.repeat(40)}.zip`
    for (let time = 0; time < 5; time++) {
      assert.match((await get(path)).body.toString(), 'answered 403')
    }
    assert.is(upstream.requestsFor(distRequests).length, 1)
    clear()
    clock.advance(5)
    assert.is((await get(path)).statusCode, 404)
  })
})

const behindProxy = async () => await startService({ settings: { TRUSTED_PROXIES: '127.0.0.1' } })

describe('commits that one client makes up', behindProxy, (test) => {
  test('are asked upstream up to its share of an hour, and cost others nothing', async (service) => {
    const { get, upstream, clock } = service
    const { reference } = await distOf(service, 'acme/http', 'dev-main')
    upstream.pushCommit('acme/http', 'main')
    await get('/p2/acme/http~dev.json')
    clock.advance(3600)
    await get('/p2/acme/http~dev.json')
    upstream.forget()
    const as = (address: string) => ({ 'x-forwarded-for': address })
    const pathOf = (commit: string) => `/dist-proxy/acme/http/dev-main/${commit}.zip`
    let made = 0
    const makeUp = async () => {
      const commit = (made++).toString(16).padStart(40, '0')
      return (await get(pathOf(commit), as('192.0.2.1'))).statusCode
    }
    const statuses = await Promise.all(Array.from({ length: 300 }, makeUp))
    assert.is(upstream.requestsFor(distRequests).length, 10)
    assert.is(statuses.filter((status) => status === 404).length, 10)
    assert.is(statuses.filter((status) => status === 503).length, 290)
    assert.is((await get(pathOf(reference), as('192.0.2.2'))).statusCode, 200)
    clock.advance(3600)
    assert.is(await makeUp(), 404, 'an hour later they are asked for again')
  })

  test('are given back when they turn out to be there', async (service) => {
    const { get, upstream } = service
    const commits: string[] = []
    for (let count = 0; count < 12; count++) {
      commits.push((await distOf(service, 'beta/edge', 'dev-main')).reference)
      upstream.pushCommit('beta/edge', 'main')
    }
    service.clock.advance(3600)
    await get('/p2/beta/edge~dev.json')
    for (const commit of commits) {
      const path = `/dist-proxy/beta/edge/dev-main/${commit}.zip`
      assert.is((await get(path, { 'x-forwarded-for': '192.0.2.3' })).statusCode, 200)
    }
  })

  test('are waited for in line by those that are there', async (service) => {
    const { get, upstream, clock } = service
    const commits: string[] = []
    for (let count = 0; count < 15; count++) {
      commits.push((await distOf(service, 'acme/mailer', 'dev-main')).reference)
      upstream.pushCommit('acme/mailer', 'main')
    }
    clock.advance(3600)
    const gate = upstream.hold(distRequests)
    const answers = commits.map(async (commit) => {
      const path = `/dist-proxy/acme/mailer/dev-main/${commit}.zip`
      return (await get(path, { 'x-forwarded-for': '192.0.2.4' })).statusCode
    })
    await gate.arrived
    gate.release()
    assert.equal(new Set(await Promise.all(answers)), new Set([200]))
  })

  test('by a few leave some for those who made up none', async (service) => {
    const { get, upstream, clock } = service
    const { reference } = await distOf(service, 'acme/clock', 'dev-main')
    upstream.pushCommit('acme/clock', 'main')
    clock.advance(3600)
    await get('/p2/acme/clock~dev.json')
    const ask = async (commit: string, address: string) => {
      const path = `/dist-proxy/acme/clock/dev-main/${commit}.zip`
      return (await get(path, { 'x-forwarded-for': address })).statusCode
    }
    for (let made = 0; made < 20; made++) {
      const commit = made.toString(16).padStart(40, 'f')
      await ask(commit, made < 10 ? '192.0.2.5' : '192.0.2.6')
    }
    assert.is(await ask('e'.repeat(40), '192.0.2.6'), 503)
    assert.is(await ask(reference, '192.0.2.7'), 200)
  })
})
