import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { createAddressGuard, noOthers } from '../../src/upstream/address-guard.ts'
import { requestBody } from '../../src/upstream/client.ts'
import {
  archiveTimeouts,
  jobTimeouts,
  metadataTimeouts,
  type Timeouts,
} from '../../src/upstream/timeouts.ts'
import { first, hang, openRig, reasonOf, type Serve, status } from '../support/scripted-upstream.ts'
import { describe, eventually } from '../support/suite.ts'

const endlessHead: Serve = (_, { socket }) => {
  socket?.write('HTTP/1.1 200 OK\r\n')
  const timer = setInterval(() => socket?.write('x: y\r\n'), 10)
  socket?.once('close', () => clearInterval(timer))
}
const endlessBody: Serve = (_, response) => {
  const timer = setInterval(() => response.write('x'), 10)
  response.once('close', () => clearInterval(timer))
}
const silentBody: Serve = (_, response) => void response.write('x')
const hops: Serve = ({ url = '' }, response) => {
  const left = Number(url.slice(1))
  if (left === 0) response.end('there')
  else response.writeHead(302, { location: `/${left - 1}`, 'set-cookie': 'a=b' }).end()
}

function seconds({ connectMs, headMs, idleMs, speedMs, totalMs }: Timeouts): readonly number[] {
  return [connectMs, headMs, idleMs, speedMs, totalMs].map((ms) => ms / 1000)
}

describe('the limits of a request', openRig, (test) => {
  const cases: readonly [string, Serve, Partial<Timeouts>][] = [
    ['no first byte', hang, { headMs: 100 }],
    ['a head without an end', endlessHead, { headMs: 100 }],
    ['a body that stops', silentBody, { idleMs: 100 }],
    ['a body by the byte', endlessBody, { speedMs: 200 }],
    ['a body without an end', endlessBody, { totalMs: 200 }],
    ['nothing at all', hang, { totalMs: 100 }],
  ]
  for (const [what, serve, timeouts] of cases) {
    test(`${what} is a timeout, which is not tried again`, async ({
      start,
      requests,
      underWay,
    }) => {
      const { get } = start(serve, { timeouts: { ...metadataTimeouts(1_000), ...timeouts } })
      assert.is(await reasonOf(get('/', 1_000_000)), 'timeout')
      assert.is(requests.length, 1)
      await eventually('the connection is given up', () => underWay().now === 0)
    })
  }

  test('what is relayed has few slots and a breaker of its own', async ({
    start,
    url,
    underWay,
  }) => {
    const serve: Serve = (request, response) => {
      if (request.url === '/slow') return
      if (request.url === '/search') status(429, { 'retry-after': '600' })(request, response)
      else response.end('there')
    }
    const { upstream, get } = start(serve)
    const timeouts = metadataTimeouts(2_000)
    const relays = upstream.client({
      guard: createAddressGuard(url, noOthers),
      timeouts,
      kind: 'relays',
    })
    const ask = async (path: string) => await requestBody(relays, url + path, { sizeBytesMax: 9 })
    const slow = Array.from({ length: 12 }, async () => await reasonOf(ask('/slow')))
    await eventually('they are under way', () => underWay().now === 3)
    assert.is(await get('/'), '200 there', 'metadata does not wait for them')
    await Promise.all(slow)
    assert.is(underWay().most, 4)
    const other = start(serve)
    const searches = other.upstream.client({
      guard: createAddressGuard(url, noOthers),
      timeouts,
      kind: 'relays',
    })
    await requestBody(searches, `${url}/search`, { sizeBytesMax: 9 })
    const again = requestBody(searches, `${url}/other`, { sizeBytesMax: 9 })
    assert.is(await reasonOf(again), 'not asked for 600 s')
    assert.is(await other.get('/'), '200 there')
    assert.equal(
      [...other.upstream.breakers()].map(([name, { state }]) => [name, state]),
      [[url, 'closed']],
    )
  })

  test('slow bodies give their slots to others', async ({ start, underWay }) => {
    const slow: Serve = (request, response) => {
      if (request.url === '/slow') endlessBody(request, response)
      else response.end('there')
    }
    let clock = 0
    const { get } = start(slow, { timeouts: { speedMs: 200 }, now: () => clock })
    const reasons = Array.from({ length: 12 }, async () => await reasonOf(get('/slow')))
    assert.ok(new Set(await Promise.all(reasons)).has('timeout'))
    await eventually('the connections are given up', () => underWay().now === 0)
    assert.is(underWay().most, 10)
    clock += 60_000
    assert.is(await get('/'), '200 there')
  })

  test('a body that is taken slowly is not a slow one', async ({ start, url }) => {
    const sizeBytes = 300_000
    const { client } = start((_, response) => void response.end(Buffer.alloc(sizeBytes)), {
      timeouts: { speedMs: 200 },
    })
    const { body: taken } = await client.ask(url, {
      async receive({ body }) {
        let bytes = 0
        for await (const chunk of body as AsyncIterable<Buffer>) {
          bytes += chunk.length
          await delay(450)
        }
        return bytes
      },
    })
    assert.is(taken, sizeBytes)
  })

  test('a body past its size is left alone, and counts as an answer', async ({
    start,
    underWay,
  }) => {
    let sentBytes = 0
    const flood: Serve = (_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(16_384))) sentBytes += 16_384
      }
      response.on('drain', more)
      more()
    }
    const { get, upstream } = start(flood)
    assert.is(await reasonOf(get('/', 100_000)), 'too_large')
    await eventually('the connection is given up', () => underWay().now === 0)
    assert.ok(sentBytes < 16_000_000, `${sentBytes} bytes`)
    const [state] = upstream.breakers().values()
    assert.is(state?.consecutiveFailures, 0)
  })

  test('a head of more than 16 KiB is a broken connection', async ({ start }) => {
    const { get } = start(status(200, { 'x-large': 'x'.repeat(17_000) }))
    assert.is(await reasonOf(get()), 'connection')
  })

  test('five redirects are followed, the sixth is not', async ({ start, requests }) => {
    assert.is(await start(hops).get('/5'), '200 there')
    assert.is(requests.length, 6)
    for (const { headers } of requests) assert.is(headers.cookie, undefined)
    assert.is(await reasonOf(start(hops).get('/6')), 'redirects')
    assert.is(requests.length, 6)
  })

  test('a redirected request has no header but ours', async ({ start, requests, url }) => {
    const { client } = start(
      first(status(307, { location: '/there', 'www-authenticate': 'Basic' })),
    )
    await requestBody(client, url, { headers: { 'if-modified-since': 'x' }, sizeBytesMax: 9 })
    const names = requests.map(({ headers }) => Object.keys(headers).toSorted())
    const ours = ['connection', 'host', 'if-modified-since', 'user-agent']
    assert.equal(names, [ours, ours])
  })

  test('a redirect of a POST, or to no URL, is not followed', async ({ start, requests, url }) => {
    const { client } = start(first(status(307, { location: '/there' })))
    const posted = requestBody(client, url, { method: 'POST', body: Buffer.of(1), sizeBytesMax: 9 })
    assert.is(await reasonOf(posted), 'redirects')
    assert.is(requests.length, 1)
    assert.is(await reasonOf(start(status(302, { location: 'http://[' })).get()), 'redirects')
  })

  test('what the operator sets is the whole time of metadata, and the patience with archives', () => {
    assert.equal(seconds(metadataTimeouts(60_000)), [4, 4.5, 4.5, 10, 60])
    assert.equal(seconds(metadataTimeouts(3_000)), [3, 3, 3, 3, 3])
    assert.equal(seconds(jobTimeouts(60_000)), [4, 15, 15, 10, 60])
    assert.equal(seconds(archiveTimeouts(60_000)), [4, 60, 60, 10, 600])
    assert.equal(seconds(archiveTimeouts(3_000)), [3, 3, 3, 3, 600])
  })
})
