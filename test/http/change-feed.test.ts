import * as assert from 'uvu/assert'
import { addSeconds, compactInstant } from '../../src/time-machine/instant.ts'
import {
  change,
  eventsFor,
  feedRequests,
  known,
  log,
  metadataRequests,
  pages,
  pass,
  paths,
  poll,
  withFeed,
} from '../support/feed.ts'
import { describe, eventually } from '../support/suite.ts'

describe('the change feed', withFeed(), (test) => {
  test('is asked where to begin, and then for what came after', async (service) => {
    const { upstream } = service
    await poll(service)
    pass(service, 60)
    await poll(service)
    pass(service, 60)
    await poll(service)
    const begin = (Date.parse('2026-06-01T00:00:01Z') - 120_000) * 10
    assert.equal(paths(service, feedRequests), [
      '/metadata/changes.json',
      `/metadata/changes.json?since=${begin}`,
      `/metadata/changes.json?since=${begin + 60 * 10_000}`,
    ])
    assert.match(upstream.requestsFor(feedRequests)[0]?.headers['accept-encoding'] ?? '', /gzip/)
    assert.equal(
      (await pages(service)).map(({ resync, changed, deleted }) => [resync, changed, deleted]),
      [
        [true, [], []],
        [false, [], []],
        [false, [], []],
      ],
    )
  })

  test('verifies what is known: nothing unchanged is fetched, however old it is', async (service) => {
    const { get, upstream } = service
    for (const path of known) assert.is((await get(path)).statusCode, 200)
    upstream.forget()
    for (let hour = 0; hour < 30; hour++) {
      pass(service, 3600)
      await poll(service)
      for (const path of known) {
        const { statusCode, headers } = await get(path)
        assert.is(statusCode, 200)
        assert.is(headers['warning'], undefined)
      }
    }
    assert.equal(paths(service, metadataRequests), [])
    assert.is(upstream.requestsFor(feedRequests).length, 30)
    const others = upstream.requests.filter(({ path }) => !feedRequests.test(path))
    assert.equal(
      [...new Set(others.map(({ path }) => path))],
      ['/packages.json'],
      'no feed names it',
    )
  })

  test('a change is fetched and recorded without anybody asking', async (service) => {
    const { get, upstream } = service
    change(service, () => upstream.publish('acme/log', '2.2.0'))
    upstream.forget()
    pass(service, 60)
    await poll(service)
    assert.equal(paths(service, metadataRequests), [log])
    const [page] = (await pages(service)).slice(-1)
    assert.equal(page?.changed, [
      { document: 'acme/log', changedAt: addSeconds(service.clock.now(), -60) },
    ])
    assert.is((await eventsFor(service, 'acme/log')).at(-1)?.type, 'MetadataChanged')
    assert.match((await get(log)).body.toString(), '"2.2.0"')
    assert.is(paths(service, metadataRequests).length, 1)
  })

  test('… and once, though pages overlap', async (service) => {
    const { upstream } = service
    upstream.forget()
    pass(service, 30)
    await poll(service)
    assert.equal(paths(service, metadataRequests), [])
    assert.equal((await pages(service)).at(-1)?.changed, [])
  })

  test('what a client fetched meanwhile is not fetched again', async (service) => {
    const { get, upstream } = service
    change(service, () => upstream.publish('acme/container', '9.0.0'))
    await get('/p2/acme/container.json')
    upstream.forget()
    await poll(service)
    pass(service, 7200)
    await poll(service)
    await get('/p2/acme/container.json')
    assert.equal(paths(service, metadataRequests), [])
  })

  test('a change named before its document was known is not missed when a server lags', async (service) => {
    const { get, upstream } = service
    const path = '/p2/beta/fonts.json'
    change(service, () => upstream.publish('beta/fonts', '9.0.0'))
    await poll(service) // nobody knows beta/fonts yet
    upstream.fail({ match: /fonts/, mode: 'outdated', times: 1 })
    assert.not.match((await get(path)).body.toString(), '"9.0.0"')
    pass(service, 60)
    await poll(service)
    assert.match((await get(path)).body.toString(), '"9.0.0"')
  })

  test('changes of packages that nobody asked for are ignored', async (service) => {
    const { upstream } = service
    change(service, () => upstream.publish('acme/messages', '9.0.0'))
    change(service, () => upstream.deletePackage('beta/edge'))
    upstream.forget()
    await poll(service)
    assert.equal(paths(service, metadataRequests), [])
    const [page] = (await pages(service)).slice(-1)
    assert.equal([page?.changed, page?.deleted], [[], []])
  })

  test('a burst is fetched a few at a time, each document once', async (service) => {
    const { get, upstream } = service
    const names = Array.from({ length: 30 }, (_, n) => `burst/package-${n}`)
    for (const name of names) change(service, () => upstream.publish(name, '1.0.0'))
    for (const name of names) await get(`/p2/${name}.json`)
    for (const version of ['1.1.0', '1.2.0']) {
      for (const name of names) change(service, () => upstream.publish(name, version))
    }
    upstream.forget()
    const gate = upstream.hold(metadataRequests)
    const polled = poll(service)
    await eventually('five are under way', () => gate.waiting() === 5)
    // Others are served meanwhile: the feed leaves half of what upstream may be asked at once.
    const asked = get('/p2/acme/clock.json')
    await eventually('a sixth is', () => gate.waiting() === 6)
    gate.release()
    assert.is((await asked).statusCode, 200)
    await polled
    const fetched = paths(service, /^\/p2\/burst/)
    assert.equal(fetched.toSorted(), names.map((name) => `/p2/${name}.json`).toSorted())
    for (const name of names) assert.match((await get(`/p2/${name}.json`)).body.toString(), '1.2.0')
  })

  test('a deleted package is gone at once, both documents, and still there before', async (service) => {
    const { get, upstream } = service
    const documents = ['/p2/acme/http.json', '/p2/acme/http~dev.json']
    for (const path of documents) assert.is((await get(path)).statusCode, 200)
    const before = service.clock.now()
    pass(service, 600)
    change(service, () => upstream.deletePackage('acme/http'))
    upstream.forget()
    await poll(service)
    assert.equal(paths(service, metadataRequests).toSorted(), documents)
    pass(service, 600)
    const [page] = (await pages(service)).slice(-1)
    assert.equal(
      page?.deleted.map(({ packageName }) => packageName),
      ['acme/http'],
    )
    for (const path of documents) {
      assert.is((await get(path)).statusCode, 404)
      assert.is((await get(`/at/${compactInstant(before)}${path}`)).statusCode, 200)
      assert.is((await get(`/at/${compactInstant(service.clock.now())}${path}`)).statusCode, 404)
    }
  })

  test('… and comes back when upstream has it again', async (service) => {
    const { get, upstream } = service
    change(service, () => upstream.publish('acme/http', '5.0.0'))
    await poll(service)
    const types = (await eventsFor(service, 'acme/http')).map(({ type }) => type)
    assert.is(types.filter((type) => type === 'MetadataChanged').length, 2)
    assert.match((await get('/p2/acme/http.json')).body.toString(), '"5.0.0"')
  })

  test('a name without a package is not fetched, and asked for again once there is one', async (service) => {
    const { get, upstream } = service
    assert.is((await get('/p2/acme/wish.json')).statusCode, 404)
    pass(service, 600)
    await poll(service)
    upstream.forget()
    assert.is((await get('/p2/acme/wish.json')).statusCode, 404)
    assert.equal(paths(service, metadataRequests), [], 'the feed would have named it')
    change(service, () => upstream.publish('acme/wish', '1.0.0'))
    pass(service, 60)
    await poll(service)
    assert.equal(paths(service, metadataRequests), [])
    assert.is((await get('/p2/acme/wish.json')).statusCode, 200)
  })
})
