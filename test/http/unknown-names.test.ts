import * as assert from 'uvu/assert'
import { eventsFor } from '../support/feed.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'
import { issueToken } from '../support/tokens.ts'

const madeUpRequests = /^\/p2\/made\//

/** A client of its own for each address. */
const behindProxy = async () => await startService({ settings: { TRUSTED_PROXIES: '127.0.0.1' } })

function from(address: string): Readonly<Record<string, string>> {
  return { 'x-forwarded-for': address }
}

/** How often each status was the answer to `count` names that nobody has asked for. */
async function makeUp(
  { get }: Service,
  names: { readonly count: number; readonly prefix: string },
  headers: Readonly<Record<string, string>>,
): Promise<ReadonlyMap<number, number>> {
  const statuses = new Map<number, number>()
  for (let asked = 0; asked < names.count; asked += 100) {
    const path = (index: number) => `/p2/made/${names.prefix}-${asked + index}.json`
    const hundred = Array.from({ length: 100 }, async (_, index) => await get(path(index), headers))
    for (const { statusCode } of await Promise.all(hundred)) {
      statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1)
    }
  }
  return statuses
}

describe('names that one client makes up', behindProxy, (test) => {
  test('are asked upstream up to its allowance', async (service) => {
    const { get, upstream, clock } = service
    await get('/p2/acme/log.json')
    const statuses = await makeUp(service, { count: 1200, prefix: 'one' }, from('192.0.2.1'))
    const asked = upstream.requestsFor(madeUpRequests).length
    assert.ok(asked >= 1000 && asked < 1100, `${asked} requests upstream for 1,200 names`)
    assert.is(statuses.get(404), asked)
    assert.is(statuses.get(503), 1200 - asked, 'and those refused were not told "no such package"')
    const known = await get('/p2/acme/log.json', from('192.0.2.1'))
    assert.is(known.statusCode, 200, 'what is known is served as ever')
    upstream.forget()
    assert.is((await get('/p2/made/one-0.json', from('192.0.2.1'))).statusCode, 404)
    assert.is(upstream.requests.length, 0, 'what was answered is remembered')
    const { token } = await issueToken(service, { grants: [{ scope: 'read' }] })
    const withToken = { ...from('192.0.2.1'), authorization: `Bearer ${token}` }
    const another = await get('/p2/made/one-more.json', withToken)
    assert.is(another.statusCode, 404, 'whoever has a token has an allowance apart')
    clock.advance(60)
    const later = await get('/p2/made/one-later.json', from('192.0.2.1'))
    assert.is(later.statusCode, 404, 'after a while new names are asked for again')
  })

  test('cost another nothing', async ({ get, upstream }) => {
    upstream.forget()
    assert.is((await get('/p2/acme/http.json', from('192.0.2.2'))).statusCode, 200)
    assert.is((await get('/p2/made/two.json', from('192.0.2.2'))).statusCode, 404)
    assert.is(upstream.requests.length, 2)
  })
})

describe('a name that upstream does not have', behindProxy, (test) => {
  test('is recorded once, however often it is asked for', async (service) => {
    const { get, upstream, clock } = service
    for (let time = 0; time < 5; time++) {
      assert.is((await get('/p2/made/up.json')).statusCode, 404)
      assert.is((await get('/p2/made/up.json')).statusCode, 404)
      clock.advance(60)
    }
    assert.is(upstream.requestsFor(madeUpRequests).length, 5, 'once a minute')
    assert.is((await eventsFor(service, 'made/up')).length, 1)
    upstream.publish('made/up', '1.0.0')
    assert.is((await get('/p2/made/up.json')).statusCode, 200, 'and served once it is there')
  })

  test('… and once more when upstream begins to fail, and again when it has answered', async (service) => {
    const { get, upstream, clock } = service
    const path = '/p2/made/failing.json'
    assert.is((await get(path)).statusCode, 404)
    const clear = upstream.fail({ match: madeUpRequests, mode: 'status', status: 403 })
    for (let time = 0; time < 3; time++) {
      clock.advance(60)
      assert.is((await get(path)).statusCode, 503)
    }
    clear()
    clock.advance(5)
    assert.is((await get(path)).statusCode, 404)
    const types = (await eventsFor(service, 'made/failing')).map(({ type }) => type)
    assert.equal(types, ['MetadataMissing', 'MetadataFetchFailed', 'MetadataMissing'])
  })
})

describe('while upstream answers 403', behindProxy, (test) => {
  test('a name is asked for each five seconds, and recorded once', async (service) => {
    const { get, upstream, clock } = service
    upstream.fail({ match: /^\/p2\//, mode: 'status', status: 403 })
    const path = '/p2/made/up.json'
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(Array.from({ length: 50 }, async () => await get(path)))
      assert.equal(new Set(answers.map(({ statusCode }) => statusCode)), new Set([503]))
      assert.is((await get(path)).statusCode, 503)
      clock.advance(5)
    }
    assert.is(upstream.requestsFor(madeUpRequests).length, 3)
    assert.is((await eventsFor(service, 'made/up')).length, 1)
  })
})

describe('while upstream answers 200 with a page', behindProxy, (test) => {
  test('a name is recorded once, and others as often as the client may', async (service) => {
    const { get, upstream, clock, log } = service
    upstream.fail({ match: madeUpRequests, mode: 'html' })
    for (let time = 0; time < 5; time++) {
      assert.is((await get('/p2/made/up.json')).statusCode, 503)
      clock.advance(6)
    }
    assert.is((await eventsFor(service, 'made/up')).length, 1)
    const head = await log.head()
    for (const prefix of ['one', 'two', 'three']) {
      await makeUp(service, { count: 800, prefix }, from('192.0.2.8'))
      clock.advance(600)
    }
    assert.is((await log.head()) - head, 2_000n)
  })
})
