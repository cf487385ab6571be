import * as assert from 'uvu/assert'
import {
  advisoriesIn,
  advisory,
  api,
  documentIn,
  early,
  headerOf,
  late,
  pin,
  startWithAdvisories as open,
} from '../support/pinned-advisories.ts'
import type { Service } from '../support/service.ts'
import { describe } from '../support/suite.ts'

describe(
  'with PROXY_PIN_ADVISORIES=live',
  open({ settings: { PROXY_PIN_ADVISORIES: 'live' } }),
  (test) => {
    test('every pin has the advisories of today, and nobody is asked for dates', async (service) => {
      const { get, upstream, clock, later } = service
      await get('/p2/acme/log.json')
      later()
      const then = clock.now()
      later()
      upstream.forget()
      const pins = [pin('2025-04-04'), pin(then)]
      const dates = new Set<string | undefined>()
      for (const newest of ['A', 'B']) {
        upstream.advise('acme/log', { ...advisory, advisoryId: newest })
        later()
        const now = advisoriesIn(await get('/p2/acme/log.json'))
        assert.ok(now.includes(newest))
        for (const path of pins) {
          const answer = await get(path)
          assert.equal(advisoriesIn(answer), now, path)
          assert.match(headerOf(answer), 'advisories=live')
          assert.match(String(answer.headers['cache-control']), /max-age=60\b/)
          const lastModified = answer.headers['last-modified']
          assert.not.ok(dates.has(`${path} ${lastModified}`), 'dated by its bytes')
          dates.add(`${path} ${lastModified}`)
          const again = await get(path, { 'if-modified-since': String(lastModified) })
          assert.is(again.statusCode, 304)
        }
      }
      assert.equal(upstream.requestsFor(api), [])
    })

    test('also of a package that nobody asks for as it is now', async (service) => {
      const { get, upstream, later } = service
      const path = pin('2025-01-01', 'beta/text')
      assert.equal(advisoriesIn(await get(path)), [])
      upstream.advise('beta/text', { ...advisory, advisoryId: 'of text' })
      later()
      assert.equal(advisoriesIn(await get(path)), ['of text'])
    })

    test('it is said in the root file, and otherwise that they are of then', async (service) => {
      const { get, restart } = service
      const root = async () => await get('/at/2025-04-04/packages.json')
      const live = await root()
      assert.match(live.body.toString(), "security advisories are today's")
      await restart({ PROXY_PIN_ADVISORIES: 'recorded' })
      const recorded = await root()
      assert.match(recorded.body.toString(), 'security advisories are those known then')
      assert.is.not(recorded.headers['last-modified'], live.headers['last-modified'])
      assert.equal(advisoriesIn(await get(pin('2025-04-04'))), [early])
    })
  },
)

describe('a frozen package', open(), (test) => {
  const freeze = async ({ api: ask }: Service, name: string, json: object = {}) =>
    assert.is((await ask('POST', `/api/v1/proxy/freeze/${name}`, { json })).status, 200)

  test('has the advisories of today, and at a pin those that it had then', async (service) => {
    const { get, upstream, clock, later, restart } = service
    const path = '/p2/acme/log.json'
    const versions = async (from: string) => documentIn(await get(from)).packages
    const before = await versions(path)
    await freeze(service, 'acme/log')
    later()
    const then = clock.now()
    later()
    upstream.publish('acme/log', '9.0.0')
    upstream.advise('acme/log', { ...advisory, advisoryId: 'new' })
    later()
    assert.equal(advisoriesIn(await get(path)), [early, late, 'new'])
    assert.equal(await versions(path), before)
    const during = clock.now()
    upstream.retract('acme/log', 'new')
    later()
    assert.equal(advisoriesIn(await get(path)), [early, late])
    assert.equal(advisoriesIn(await get(pin(then))), [early, late])
    assert.equal(advisoriesIn(await get(pin(during))), [early, late, 'new'])
    assert.equal(await versions(pin(during)), before)
    await restart({ PROXY_PIN_ADVISORIES: 'live' })
    assert.equal(advisoriesIn(await get(pin(during))), [early, late])
  })

  test('has them too when it is held at an instant before the first record', async (service) => {
    const { get, upstream } = service
    const asked = upstream.requestsFor(api).length
    upstream.advise('beta/text', { ...advisory, advisoryId: 'of text' })
    await freeze(service, 'beta/text', { at: '2025-01-01' })
    assert.equal(advisoriesIn(await get('/p2/beta/text.json')), ['of text'])
    assert.is(upstream.requestsFor(api).length, asked)
  })

  test('is served though upstream is silent', async (service) => {
    const { get, upstream, later } = service
    await freeze(service, 'acme/container')
    later()
    const gate = upstream.hold(/acme\/container/)
    assert.is((await get('/p2/acme/container.json')).statusCode, 200)
    gate.release()
  })
})
