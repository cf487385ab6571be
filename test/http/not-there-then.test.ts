import * as assert from 'uvu/assert'
import { compactInstant, type Instant } from '../../src/time-machine/instant.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const log = '/p2/acme/log.json'

/** As long as it isn't cleared, the servers of upstream that answer have lost acme/log. */
function loseLog({ upstream }: Service): () => void {
  return upstream.fail({ match: /\/p2\/acme\/log\.json/, mode: 'status', status: 404 })
}

function advance({ clock, upstream }: Service, seconds: number): void {
  clock.advance(seconds)
  upstream.at(`${clock.now().slice(0, 19)}Z`)
}

async function pinned({ get }: Service, at: Instant | string, path = log) {
  const instant = at.includes('T') ? compactInstant(at as Instant) : at // as one with a time is
  const { statusCode, headers, body } = await get(`/at/${instant}${path}`)
  const [word = ''] = String(headers['x-time-machine'] ?? '').split(';')
  const said = word === '' ? statusCode : `${statusCode} ${word}`
  return {
    said,
    caching: headers['cache-control'],
    body: body.toString().replaceAll(/127\.0\.0\.1:\d+/g, 'upstream'),
  }
}

function versionsIn(body: string): readonly string[] {
  return [...body.matchAll(/"version":"([^"]+)"/g)].map(([, version]) => version ?? '')
}

describe('a document that upstream denied at first contact', startService, (test) => {
  test('is given for the past as if it had been seen first', async (service) => {
    const clear = loseLog(service)
    assert.is((await service.get(log)).statusCode, 404)
    const denied = service.clock.now()
    assert.is((await pinned(service, '2026-03-01')).said, 404)
    clear()
    advance(service, 90)
    const live = await service.get(log) // It changed last on 2026-02-11.
    advance(service, 120)
    for (const at of ['2026-03-01', denied]) {
      const { said, body } = await pinned(service, at)
      assert.is(said, '200 exact', at)
      assert.equal(versionsIn(body), versionsIn(live.body.toString()), at)
    }
    const other = await startService({ at: `${service.clock.now().slice(0, 19)}Z` })
    try {
      await other.get(log)
      for (const at of ['2025-04-01', '2024-02-01', '2020-01-01']) {
        const { said, body } = await pinned(service, at)
        assert.equal([said, body], ['200 reconstructed', (await pinned(other, at)).body], at)
      }
    } finally {
      await other.close()
    }
  })
})

describe('a pin at which there was no such document', startService, (test) => {
  test('asks upstream again by itself, and its 404 is kept by nobody', async (service) => {
    const clear = loseLog(service)
    const denied = await pinned(service, '2026-03-01')
    assert.equal([denied.said, denied.caching], [404, 'no-store'])
    clear()
    advance(service, 90)
    assert.is((await pinned(service, '2026-03-01')).said, '200 exact')
  })
})

const before = async () => await startService({ at: '2024-02-20T00:00:00Z' })

describe('a document that came after upstream denied it', before, (test) => {
  test('is given from its own date on, and not before', async (service) => {
    const http = '/p2/acme/http.json' // since 2024-03-05
    assert.is((await service.get(http)).statusCode, 404)
    advance(service, 86_400)
    const notYet = service.clock.now()
    advance(service, 30 * 86_400)
    assert.is((await service.get(http)).statusCode, 200)
    advance(service, 120)
    const said = async (at: Instant | string) => (await pinned(service, at, http)).said
    assert.is(await said('2024-03-10'), '200 exact')
    for (const at of ['2024-03-01', '2024-02-01', notYet]) assert.is(await said(at), 404, at)
  })
})

/** Three answers over 15 minutes are believed. */
async function seeGone(service: Service): Promise<Instant> {
  for (let check = 0; check < 3; check++) {
    advance(service, 3600)
    await service.get(log)
  }
  assert.is((await service.get(log)).statusCode, 404)
  advance(service, 10)
  return service.clock.now()
}

describe('a document that was gone for a while', startService, (test) => {
  test('was there all the time, when upstream has it with its former date', async (service) => {
    const first = await service.get(log)
    const clear = loseLog(service)
    const gone = await seeGone(service)
    clear()
    advance(service, 120)
    assert.is((await pinned(service, gone)).said, '200 exact', 'and the pin finds out by itself')
    const { body } = await pinned(service, gone)
    assert.equal(versionsIn(body), versionsIn(first.body.toString()))
  })
})

describe('a document that was deleted for a while', startService, (test) => {
  test('is given from its new date on, and 404 between', async (service) => {
    const { upstream, clock, get } = service
    await get(log)
    upstream.deletePackage('acme/log')
    const gone = await seeGone(service)
    advance(service, 3600)
    upstream.publish('acme/log', '3.0.0')
    const again = clock.now()
    advance(service, 3600)
    const unseen = clock.now()
    advance(service, 3600)
    assert.is((await get(log)).statusCode, 200)
    advance(service, 120)
    assert.is((await pinned(service, gone)).said, 404, 'nothing is reconstructed')
    assert.is((await pinned(service, unseen)).said, '200 exact')
    assert.ok(again < unseen)
  })
})

describe('a package with a rule that upstream denied', startService, (test) => {
  test('is an empty list at a pin, which is settled as little as a 404', async (service) => {
    const clear = loseLog(service)
    const block = { package: 'acme/log', constraint: '*', reason: 'not ours' }
    await service.api('POST', '/api/v1/proxy/block', { json: block })
    const empty = await pinned(service, '2026-03-01')
    assert.equal([empty.said, empty.caching], ['200 unsettled', 'no-cache'])
    assert.match(empty.body, /"acme\/log":\s*\[\]/)
    clear()
  })
})
