import type { ServerResponse } from 'node:http'
import * as assert from 'uvu/assert'
import { createAddressGuard, noOthers } from '../../src/upstream/address-guard.ts'
import { downloadArchive } from '../../src/upstream/archives.ts'
import { requestBody } from '../../src/upstream/client.ts'
import { metadataTimeouts } from '../../src/upstream/timeouts.ts'
import { createClock } from '../support/clock.ts'
import {
  cut,
  first,
  ok,
  openRig,
  reasonOf,
  reset,
  type Serve,
  status,
} from '../support/scripted-upstream.ts'
import { describe, eventually, rejection } from '../support/suite.ts'

describe('retries', openRig, (test) => {
  const healed: readonly [string, Serve][] = [
    ['a connection that is reset', reset],
    ['a body that is cut off', cut],
    ['500', status(500)],
    ['502', status(502)],
    ['503', status(503)],
    ['504', status(504)],
  ]
  for (const [what, bad] of healed) {
    test(`${what}: nobody notices one or two of them`, async ({ start, requests }) => {
      assert.is(await start(first(bad)).get(), '200 ok')
      assert.is(requests.length, 2)
      assert.is(await start(first(bad, bad)).get(), '200 ok')
      assert.is(requests.length, 3)
    })
  }

  test('end after two, with what came last', async ({ start, requests }) => {
    const { get, upstream } = start(first(reset, cut, status(502)))
    assert.is(await get(), '502 undefined')
    assert.is(requests.length, 3)
    const [state] = upstream.breakers().values()
    assert.is(state?.consecutiveFailures, 3)
    assert.is(await reasonOf(start(reset).get()), 'connection')
    assert.is(requests.length, 3)
  })

  const final: readonly [string, Serve, string][] = [
    ['404', status(404), '404 404'],
    ['400', status(400), '400 400'],
    ['501', status(501), '501 undefined'],
    ['429', status(429), '429 undefined'],
    ['503 with Retry-After', status(503, { 'retry-after': '9' }), '503 undefined'],
    ['403 of a rate limit', status(403, { 'x-ratelimit-remaining': '0' }), '403 undefined'],
  ]
  for (const [what, bad, expected] of final) {
    test(`${what} is an answer, asked for once`, async ({ start, requests }) => {
      assert.is(await start(first(bad)).get(), expected)
      assert.is(requests.length, 1)
    })
  }

  test('are not for a POST', async ({ start, requests, url }) => {
    const { client } = start(first(reset))
    const body = Buffer.from('packages[]=a/b')
    const posted = requestBody(client, url, { method: 'POST', body, sizeBytesMax: 9 })
    assert.is(await reasonOf(posted), 'connection')
    assert.is(requests.length, 1)
  })

  test('wait by chance, up to a quarter and then half of a second', async ({ start }) => {
    const { get } = start(first(reset, reset), { random: () => 0.5 })
    const begun = performance.now()
    assert.is(await get(), '200 ok')
    // 125 ms and 250 ms; timers may be a millisecond early.
    assert.ok(performance.now() - begun >= 373)
  })

  test('are not made when the total time is over', async ({ start, requests }) => {
    const { get } = start(reset, { timeouts: { totalMs: 100 }, random: () => 0.99 })
    assert.is(await reasonOf(get()), 'connection')
    assert.is(requests.length, 1)
  })

  test('that would come to a closed door give what was there before', async ({
    start,
    requests,
  }) => {
    const { get } = start(reset)
    assert.is(await reasonOf(get()), 'connection')
    assert.is(await reasonOf(get()), 'connection')
    assert.is(requests.length, 5, 'the breaker opened at the fifth')
    assert.is(await reasonOf(get()), 'not asked for 1 s')
    assert.is(requests.length, 5)
  })
})

describe('many requests', openRig, (test) => {
  test('are made ten at a time, over connections that are used again', async (rig) => {
    const { start, requests, underWay } = rig
    const waiting: ServerResponse[] = []
    const { get } = start((_, response) => {
      waiting.push(response)
      if (waiting.length === 10) for (const each of waiting.splice(0)) each.end('ok')
    })
    const answers = Array.from({ length: 60 }, async () => await get())
    assert.equal(new Set(await Promise.all(answers)), new Set(['200 ok']))
    assert.is(underWay().most, 10)
    assert.is(new Set(requests.map(({ socket }) => socket.remotePort)).size, 10)
  })

  test('that wait are not made any more once upstream is seen to be down', async (rig) => {
    const { start, requests } = rig
    const waiting: ServerResponse[] = []
    let isDown = false
    const { get } = start((request, response) => {
      if (isDown) reset(request, response)
      else waiting.push(response)
    })
    const reasons = Array.from({ length: 100 }, async () => await reasonOf(get()))
    await eventually('ten have arrived', () => waiting.length === 10)
    isDown = true
    for (const response of waiting) response.socket?.resetAndDestroy()
    const outcomes = await Promise.all(reasons)
    // Until five have failed, the next ones go out.
    assert.ok(requests.length < 20, `${requests.length} requests`)
    assert.ok(outcomes.filter((each) => each === 'not asked for 1 s').length >= 80)
  })

  test('go on as soon as an answer begins, however long the rest of it takes', async (rig) => {
    let nowMs = 0
    const waiting: ServerResponse[] = []
    const begin: Serve = (_, response) => {
      response.write('slowly')
      waiting.push(response)
    }
    const down = Array.from({ length: 5 }, () => reset)
    const { get } = rig.start(first(...down, begin), { now: () => nowMs })
    assert.is(await reasonOf(get()), 'connection')
    assert.is(await reasonOf(get()), 'connection')
    nowMs += 1000
    const slow = get()
    await eventually('another one is let through', async () => (await get()) === '200 ok')
    for (const response of waiting) response.end()
    assert.is(await slow, '200 slowly')
  })

  test('that wait for longer than they have are not made', async (rig) => {
    const { start, requests, url } = rig
    const waiting: ServerResponse[] = []
    const { get, upstream } = start((_, response) => void waiting.push(response))
    const patient = Array.from({ length: 10 }, async () => await get())
    await eventually('ten have arrived', () => waiting.length === 10)
    const hasty = upstream.client({
      guard: createAddressGuard(url, noOthers),
      timeouts: metadataTimeouts(50),
    })
    assert.is(await reasonOf(requestBody(hasty, url, { sizeBytesMax: 9 })), 'not asked for 5 s')
    for (const response of waiting) response.end('ok')
    assert.equal(new Set(await Promise.all(patient)), new Set(['200 ok']))
    assert.is(requests.length, 10)
  })
})

describe('a download', openRig, (test) => {
  test('that our disk refuses is our own failure, not upstream’s', async ({ start, url }) => {
    const { client, upstream } = start(ok)
    const into = {
      begin: async () => {},
      async write() {
        throw new Error('ENOSPC: no space left on device')
      },
      end: () => true,
    }
    const error = await rejection(
      downloadArchive(client, { url, known: {}, into }, createClock().now()),
    )
    assert.match(String(error), 'ENOSPC')
    const [state] = upstream.breakers().values()
    assert.is(state?.consecutiveFailures, 0)
  })
})
