import * as assert from 'uvu/assert'
import { addSeconds } from '../../src/time-machine/instant.ts'
import { log, metadataRequests, paths, poll, secondOf, withFeed } from '../support/feed.ts'
import type { Service } from '../support/service.ts'
import { describe } from '../support/suite.ts'

type Move = (seconds: number) => void

/** Follows upstream, whose clock differs; returns what moves both clocks on. */
async function following(service: Service, offsetSeconds: number): Promise<Move> {
  const { get, upstream, clock } = service
  const move: Move = (seconds) => {
    clock.advance(seconds)
    upstream.at(secondOf(addSeconds(clock.now(), offsetSeconds)))
  }
  move(0)
  await poll(service)
  await get(log)
  return move
}

/** Publishes a version, which the first server that is asked for it doesn't have yet. */
async function publish(service: Service, version: string, move: Move): Promise<void> {
  const { upstream } = service
  move(600)
  upstream.publish('acme/log', version)
  move(30)
  upstream.fail({ match: metadataRequests, mode: 'outdated', behindSeconds: 60, times: 1 })
  upstream.forget()
  await poll(service)
}

async function isServed({ get }: Service, version: string): Promise<void> {
  assert.match((await get(log)).body.toString(), `"${version}"`)
}

/** While nothing changes, nothing is asked for but the feed. */
async function stayQuiet(service: Service, move: Move): Promise<void> {
  service.upstream.forget()
  for (let hour = 0; hour < 5; hour++) {
    move(3600)
    await poll(service)
    await service.get(log)
  }
  assert.equal(paths(service, metadataRequests), [])
}

const versions = ['8.0.0', '8.1.0', '8.2.0']

for (const [what, offsetSeconds] of [
  ['two years behind', -2 * 365 * 86_400],
  ['an hour behind', -3600],
] as const) {
  describe(`an upstream whose clock is ${what}`, withFeed(), (test) => {
    test('is followed all the same', async (service) => {
      const move = await following(service, offsetSeconds)
      for (const version of versions) {
        await publish(service, version, move)
        const asked = paths(service, metadataRequests).length
        assert.is(asked, 2, 'a server that is behind, and one not')
        await isServed(service, version)
      }
      await stayQuiet(service, move)
      move(25 * 3600)
      await poll(service)
      assert.equal(paths(service, metadataRequests), [log])
    })
  })
}

for (const [what, offsetSeconds] of [
  ['an hour ahead', 3600],
  ['two years ahead', 2 * 365 * 86_400],
] as const) {
  describe(`an upstream whose clock is ${what}`, withFeed(), (test) => {
    test('is followed all the same, but for its dates', async (service) => {
      const move = await following(service, offsetSeconds)
      for (const version of versions) {
        await publish(service, version, move)
        move(30)
        await poll(service) // Without dates, a server that is behind isn't known by its answer.
        await isServed(service, version)
      }
      move(600)
      await poll(service)
      await stayQuiet(service, move)
    })
  })
}
