import { gunzipSync } from 'node:zlib'
import { got } from 'got'
import * as assert from 'uvu/assert'
import { startService, type Service } from '../support/service.ts'
import { patientMs } from '../support/slowness.ts'
import { describe, eventually } from '../support/suite.ts'

const log = '/p2/acme/log.json'
const metadataRequests = /^\/p2\//

function messageOf(response: { body: Buffer }): string {
  return (JSON.parse(response.body.toString()) as { message: string }).message
}

async function typesFor(service: Service, document: string): Promise<readonly string[]> {
  const events = await service.events()
  return events.filter(({ stream }) => stream === `document-${document}`).map(({ type }) => type)
}

describe('metadata now', startService, (test) => {
  test('passes on the very bytes that upstream serves, tags and branches', async ({
    get,
    upstream,
  }) => {
    for (const path of [log, '/p2/acme/log~dev.json']) {
      const ours = await get(path)
      assert.is(ours.statusCode, 200)
      assert.is(ours.headers['content-type'], 'application/json', 'Composer wants the bare type')
      const theirs = await fetch(upstream.url + path)
      assert.is(ours.body.toString(), await theirs.text())
      assert.is(ours.headers['last-modified'], theirs.headers.get('last-modified'))
    }
  })

  test('asks upstream with the configured agent, for gzip', async ({ upstream }) => {
    const [request] = upstream.requestsFor(/^\/p2\/acme\/log\.json$/)
    assert.is(request?.headers['user-agent'], 'cargoman-proxy')
    assert.match(request?.headers['accept-encoding'] ?? '', /gzip/)
  })

  test('sends gzip to who takes it and plain bytes to who does not', async ({ url }) => {
    const plain = await fetch(url + log, { headers: { 'accept-encoding': 'identity' } })
    assert.is(plain.headers.get('content-encoding'), null)
    const zipped = await got(url + log, {
      headers: { 'accept-encoding': 'br, gzip' },
      decompress: false,
      responseType: 'buffer',
    })
    assert.is(zipped.headers['content-encoding'], 'gzip')
    assert.is(zipped.headers.vary, 'Accept-Encoding')
    assert.is(gunzipSync(zipped.body).toString(), await plain.text())
  })

  test('answers 304 with nothing to who has exactly these bytes, by date or by tag', async ({
    get,
  }) => {
    const { headers } = await get(log)
    const { etag = '', 'last-modified': lastModified = '' } = headers
    for (const condition of [{ 'if-modified-since': lastModified }, { 'if-none-match': etag }]) {
      const again = await get(log, condition)
      assert.is(again.statusCode, 304)
      assert.is(again.body.length, 0)
    }
  })

  test('answers 200 to any other date, a later one too', async ({ get }) => {
    const later = { 'if-modified-since': 'Mon, 01 Jan 2035 00:00:00 GMT' }
    assert.is((await get(log, later)).statusCode, 200)
    const stale = {
      'if-none-match': '"other"',
      'if-modified-since': (await get(log)).headers['last-modified'] ?? '',
    }
    assert.is((await get(log, stale)).statusCode, 200, 'the tag counts when both are sent')
  })

  test('HEAD has the headers of GET and no body', async ({ url }) => {
    const head = await fetch(url + log, { method: 'HEAD' })
    assert.is(head.status, 200)
    assert.ok(Number(head.headers.get('content-length')) > 100)
    assert.is(await head.text(), '')
  })
})

describe('freshness of metadata', startService, (test) => {
  test('within its time to live a document is served without asking again', async (service) => {
    const { get, upstream, clock } = service
    await get(log)
    clock.advance(3599)
    upstream.forget()
    assert.is((await get(log)).statusCode, 200)
    assert.is(upstream.requests.length, 0)
  })

  test('after it, upstream is asked conditionally, and each answer is an event', async (service) => {
    const { get, upstream, clock } = service
    clock.advance(1)
    await get(log)
    const [request] = upstream.requestsFor(metadataRequests)
    assert.ok(request?.headers['if-modified-since'], 'it names what it has')
    assert.is(request?.status, 304)
    assert.equal(await typesFor(service, 'acme/log'), ['MetadataChanged', 'MetadataConfirmed'])
  })

  test('a change upstream is served after the time to live, with a later date', async (service) => {
    const { get, upstream, clock } = service
    const before = await get(log)
    upstream.publish('acme/log', '2.2.0')
    assert.is((await get(log)).body.toString(), before.body.toString(), 'still fresh')
    clock.advance(3600)
    const after = await get(log)
    assert.match(after.body.toString(), '"2.2.0"')
    const dates = [before, after].map(({ headers }) => Date.parse(headers['last-modified'] ?? ''))
    assert.ok((dates[1] ?? 0) > (dates[0] ?? 0))
    assert.is((await typesFor(service, 'acme/log')).at(-1), 'MetadataChanged')
  })

  test('the same bytes under a new upstream date keep their date here', async (service) => {
    const { get, upstream, clock } = service
    const before = await get('/p2/acme/clock.json')
    upstream.touch('acme/clock')
    clock.advance(3600)
    const after = await get('/p2/acme/clock.json')
    assert.is(after.headers['last-modified'], before.headers['last-modified'])
    assert.equal(await typesFor(service, 'acme/clock'), ['MetadataChanged', 'MetadataConfirmed'])
  })
})

describe('packages that upstream does not have', startService, (test) => {
  test('are 404 with words that Composer does not print, believed for a minute', async (service) => {
    const { get, upstream, clock } = service
    const path = '/p2/acme/nothing.json'
    for (const again of [1, 2, 3]) {
      const answer = await get(path)
      assert.is(answer.statusCode, 404, `time ${again}`)
      assert.is(answer.headers['content-type'], 'application/json')
      assert.match(messageOf(answer), 'acme/nothing')
    }
    assert.is(upstream.requestsFor(metadataRequests).length, 1)
    upstream.publish('acme/nothing', '1.0.0')
    clock.advance(60)
    assert.is((await get(path)).statusCode, 200)
  })

  for (const path of [
    '/p2/Acme/log.json',
    '/p2/acme/log~dev~dev.json',
    '/p2/acme/..%2flog.json',
    '/p2/acme%2flog.json',
    '/p2/acme/log',
    '/p2/..;/log.json',
    '/p2/__proto__/constructor.json',
    `/p2/acme/${'a'.repeat(8000)}.json`,
  ]) {
    test(`${path.slice(0, 40)} is 404 without asking upstream`, async ({ get, upstream }) => {
      upstream.forget()
      assert.is((await get(path)).statusCode, 404)
      assert.is(upstream.requests.length, 0)
    })
  }

  test('a name with NUL in it is 400 without asking upstream', async ({ get, upstream }) => {
    upstream.forget()
    assert.is((await get('/p2/acme/lo%00g.json')).statusCode, 400)
    assert.is(upstream.requests.length, 0)
  })

  test('one answer of "no such" is not believed of a package that was there', async (service) => {
    const { get, upstream, clock } = service
    assert.is((await get(log)).statusCode, 200)
    upstream.deletePackage('acme/log')
    clock.advance(3600)
    assert.is((await get(log)).statusCode, 200, 'the first "no such"')
    clock.advance(600)
    assert.is((await get(log)).statusCode, 200, 'the second')
    clock.advance(600)
    assert.is((await get(log)).statusCode, 404, 'the third, 20 minutes after the first')
  })
})

describe('metadata while upstream fails', startService, (test) => {
  const faults = [
    { mode: 'status', status: 500 },
    { mode: 'status', status: 429 },
    { mode: 'status', status: 403 },
    { mode: 'reset' },
    { mode: 'truncate' },
    { mode: 'garbage-json' },
    { mode: 'html' },
    { mode: 'gzip-bomb' },
    { mode: 'redirect-loop' },
    { mode: 'close-delimited-short' },
  ] as const
  for (const fault of faults) {
    const what = 'status' in fault ? `${fault.mode} ${fault.status}` : fault.mode
    test(`${what}: serves what it has, says that it is stale, records the failure`, async (service) => {
      const { get, upstream, clock } = service
      const good = await get(log)
      clock.advance(3600)
      const clear = upstream.fail({ match: metadataRequests, ...fault })
      const stale = await get(log)
      assert.is(stale.statusCode, 200)
      assert.is(stale.body.toString(), good.body.toString())
      assert.match(stale.headers['warning'] ?? '', /^110 /)
      assert.ok(Number(stale.headers['age']) >= 3600)
      assert.is((await typesFor(service, 'acme/log')).at(-1), 'MetadataFetchFailed')

      const unknown = await get('/p2/acme/http.json')
      assert.is(unknown.statusCode, 503, 'nothing to give is never 404')
      assert.is(unknown.headers['retry-after'], undefined, 'Composer would wait for so long')
      assert.match(unknown.body.toString(), /^\{"warning":"acme\/http isn't cached here, and /)

      clear()
      // As long as upstream is left alone after a 429 that names no time, the longest of the pauses.
      clock.advance(60)
      const healed = await get(log)
      assert.is(healed.headers['warning'], undefined)
    })
  }

  test('nobody waits longer than two seconds for what can be served stale', async (service) => {
    const { get, upstream, clock } = service
    await get(log)
    clock.advance(3600)
    const gate = upstream.hold(metadataRequests)
    const begun = performance.now()
    assert.is((await get(log)).statusCode, 200)
    const waitedMs = performance.now() - begun
    assert.ok(waitedMs < patientMs(10_000), `waited ${waitedMs} ms`)
    assert.is(gate.waiting(), 1, 'upstream has still not answered')
    gate.release()
    await eventually('the refresh behind the answer is recorded', async () => {
      return (await typesFor(service, 'acme/log')).at(-1) === 'MetadataConfirmed'
    })
  })
})

describe('many at once', startService, (test) => {
  test('200 cold requests for a document are one upstream request', async ({ get, upstream }) => {
    const gate = upstream.hold(metadataRequests)
    const asked = Array.from({ length: 200 }, async () => await get(log))
    await gate.arrived
    gate.release()
    const statuses = new Set((await Promise.all(asked)).map(({ statusCode }) => statusCode))
    assert.equal([...statuses], [200])
    assert.is(upstream.requestsFor(metadataRequests).length, 1)
  })
})
