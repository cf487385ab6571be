import * as assert from 'uvu/assert'
import {
  advisoriesIn,
  advisory,
  api,
  early,
  headerOf,
  late,
  pin,
  seen,
  startWithAdvisories as open,
} from '../support/pinned-advisories.ts'
import { describe, eventually } from '../support/suite.ts'

describe('the advisories of a reconstructed document', open(), (test) => {
  test('are those that were reported by then, which is asked once and recorded', async (service) => {
    const { get, upstream, dated } = service
    upstream.forget()
    assert.equal(advisoriesIn(await get(pin('2025-04-02'))), [])
    assert.equal(advisoriesIn(await get(pin('2025-04-03T11:59:59Z'))), [])
    assert.equal(advisoriesIn(await get(pin('2025-04-03T12:00:00Z'))), [early])
    const answer = await get(pin('2025-04-04'))
    assert.equal(advisoriesIn(answer), [early])
    assert.match(
      headerOf(answer),
      /^reconstructed; .*; advisories=reported-by-then; unknown="aband/,
    )
    const asked = upstream.requestsFor(api)
    assert.is(asked.length, 1)
    assert.is(asked[0]?.method, 'POST')
    assert.is(new URLSearchParams(asked[0]?.body).toString(), 'packages%5B%5D=acme%2Flog')
    assert.equal(
      (await dated()).map(({ stream }) => stream),
      ['advisories-acme/log'],
    )
    assert.equal(advisoriesIn(await get('/p2/acme/log.json')), [early, late])
  })

  test('stay the same when they are told, withdrawn or dated otherwise, and after a restart', async (service) => {
    const { get, upstream, restart, later, dated } = service
    const before = seen(await get(pin('2025-04-04')))
    upstream.retract('acme/log', early)
    upstream.advise('acme/log', { ...advisory, advisoryId: early, reportedAt: '2026-01-01' })
    upstream.advise('acme/log', { ...advisory, advisoryId: 'X', reportedAt: '2025-01-01' })
    later()
    await get('/p2/acme/log.json')
    assert.is(seen(await get(pin('2025-04-04'))), before)
    await restart()
    const clear = upstream.fail({ match: api, mode: 'reset' })
    assert.is(seen(await get(pin('2025-04-04'))), before)
    clear()
    assert.is((await dated()).length, 1)
  })

  test('have a date of their own, and are revalidated by it', async ({ get }) => {
    const path = pin('2025-06-01T00:00:00Z')
    const { headers } = await get(path)
    const lastModified = String(headers['last-modified'])
    assert.is(lastModified, 'Sun, 01 Jun 2025 00:00:10 GMT', 'of before are up to nine seconds')
    assert.is((await get(path, { 'if-modified-since': lastModified })).statusCode, 304)
    const former = { 'if-modified-since': 'Sun, 01 Jun 2025 00:00:00 GMT' }
    assert.is((await get(path, former)).statusCode, 200)
  })

  test('leave the date of the current document alone', async ({ get }) => {
    const path = '/p2/acme/log.json'
    const before = (await get(path)).headers['last-modified']
    await get(pin('2025-05-01'))
    assert.is((await get(path)).headers['last-modified'], before)
  })

  test('are not asked about where a document names none', async ({ get, upstream }) => {
    upstream.forget()
    const answer = await get(pin('2025-06-01', 'acme/http'))
    assert.match(headerOf(answer), /^reconstructed; (?!.*advisories=).*unknown=/)
    assert.is((await get(pin('2025-06-01', 'acme/log~dev'))).statusCode, 200)
    assert.equal(upstream.requestsFor(api), [])
  })

  test('that are withdrawn before anybody asks have no date, and are left out', async (service) => {
    const { get, upstream } = service
    const old = { ...advisory, reportedAt: '2024-02-01' }
    upstream.advise('acme/messages', { ...old, advisoryId: 'stays' })
    upstream.advise('acme/messages', { ...old, advisoryId: 'goes' })
    assert.equal(advisoriesIn(await get('/p2/acme/messages.json')), ['stays', 'goes'])
    upstream.retract('acme/messages', 'goes')
    assert.equal(advisoriesIn(await get(pin('2025-01-01', 'acme/messages'))), ['stays'])
  })
})

describe('the advisories of a document that was observed', open(), (test) => {
  test('are those of its own time, whatever comes later, and nobody is asked', async (service) => {
    const { get, upstream, clock, later } = service
    await get('/p2/acme/log.json')
    const then = clock.now()
    later()
    upstream.retract('acme/log', early)
    later()
    assert.equal(advisoriesIn(await get('/p2/acme/log.json')), [late])
    upstream.forget()
    const answer = await get(pin(then))
    assert.equal(advisoriesIn(answer), [early, late])
    assert.match(headerOf(answer), /^exact; since=\S+; until=\S+$/)
    assert.equal(upstream.requestsFor(api), [])
  })
})

for (const [what, fault, cause] of [
  ['resets', { mode: 'reset' }, '127.0.0.1'],
  ['answers 500', { mode: 'status', status: 500 }, '500'],
  ['answers 404', { mode: 'status', status: 404 }, 'no answer of use'],
  ['answers with a page', { mode: 'html' }, 'no answer of use'],
] as const) {
  describe(`when what dates advisories ${what}`, open(), (test) => {
    test('a pin that needs them is 503 and says why, and is answered when it is back', async (service) => {
      const { get, upstream, dated, later } = service
      const clear = upstream.fail({ match: api, ...fault })
      const refused = await get(pin('2025-04-04'))
      assert.is(refused.statusCode, 503, refused.body.toString())
      assert.match(refused.body.toString(), 'when the security advisories in it were reported')
      assert.match(refused.body.toString(), cause)
      const asked = upstream.requestsFor(api).length
      const again = await get(pin('2025-04-05'))
      assert.is(again.statusCode, 503)
      assert.match(again.body.toString(), cause)
      assert.is(upstream.requestsFor(api).length, asked, 'not asked again at once')
      assert.is((await get(`${pin('2025-04-05')}?strict=1`)).statusCode, 404)
      assert.equal(await dated(), [])
      for (const path of [pin('2025-04-04', 'acme/http'), '/p2/acme/log.json']) {
        assert.is((await get(path)).statusCode, 200, path)
      }
      clear()
      later(600)
      assert.equal(advisoriesIn(await get(pin('2025-04-04'))), [early])
    })
  })
}

describe(
  'an upstream that has no dates of advisories',
  open({ upstream: { root: { 'security-advisories': { metadata: true } } } }),
  (test) => {
    test('has none of them at a pin before the first record, and it is said', async (service) => {
      const { get, upstream, dated, later } = service
      const answer = await get(pin('2025-04-04'))
      assert.equal(advisoriesIn(answer), [])
      assert.match(headerOf(answer), /^reconstructed; .*; advisories=unknown; unknown=/)
      assert.equal(advisoriesIn(await get('/p2/acme/log.json')), [early, late])
      upstream.changeRoot({})
      later()
      await get('/packages.json')
      assert.is(seen(await get(pin('2025-04-04'))), seen(answer), 'also when it has them later')
      assert.is((await dated()).length, 1)
    })
  },
)

describe('two nodes that date advisories at the same time', open(), (test) => {
  test('give the same bytes: what the first recorded counts', async (service) => {
    const { get, startNode, upstream, dated } = service
    const other = await startNode()
    await get('/p2/acme/log.json')
    const gate = upstream.hold(api)
    const asked = [get(pin('2025-04-04')), other(pin('2025-04-04'))]
    await eventually('both ask', async () => gate.waiting() === 2)
    gate.release()
    const [one, two] = await Promise.all(asked)
    assert.ok(one !== undefined && two !== undefined)
    assert.is(seen(one), seen(two))
    assert.equal(advisoriesIn(one), [early])
    assert.is((await dated()).length, 1)
  })
})

describe('a package that was reserved meanwhile', open(), (test) => {
  test('is in no question about advisories', async ({ get, upstream, restart }) => {
    await get('/p2/acme/log.json')
    await restart({ PRIVATE_VENDORS: 'acme' })
    upstream.forget()
    await get(pin('2025-04-04'))
    assert.equal(upstream.requestsFor(api), [])
  })
})

describe('a package that is abandoned', open(), (test) => {
  test('was not known to be at a pin before the first record', async (service) => {
    const { get, upstream, later, clock } = service
    upstream.abandon('acme/http', 'acme/other')
    later()
    assert.match((await get('/p2/acme/http.json')).body.toString(), '"abandoned":"acme/other"')
    for (const name of ['acme/http', 'acme/http~dev']) {
      const answer = await get(pin('2025-12-01T00:00:00Z', name))
      assert.not.match(answer.body.toString(), 'abandoned')
      assert.match(headerOf(answer), 'unknown="abandoned,')
      assert.is(answer.headers['last-modified'], 'Mon, 01 Dec 2025 00:00:10 GMT')
    }
    assert.match((await get(pin(clock.now(), 'acme/http'))).body.toString(), 'abandoned')
  })
})
