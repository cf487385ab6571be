import * as assert from 'uvu/assert'
import { addSeconds } from '../../src/time-machine/instant.ts'
import { log, metadataRequests, paths, poll, secondOf, withFeed } from '../support/feed.ts'
import { describe } from '../support/suite.ts'

for (const [what, offsetSeconds] of [
  ['two years behind', -2 * 365 * 86_400],
  ['an hour behind', -3600],
] as const) {
  describe(`an upstream whose clock is ${what}`, withFeed(), (test) => {
    test('is followed all the same', async (service) => {
      const { get, upstream, clock } = service
      const move = (seconds: number): void => {
        clock.advance(seconds)
        upstream.at(secondOf(addSeconds(clock.now(), offsetSeconds)))
      }
      move(0)
      await poll(service)
      await get(log)
      for (const version of ['8.0.0', '8.1.0', '8.2.0']) {
        move(600)
        upstream.publish('acme/log', version)
        move(30)
        upstream.fail({ match: metadataRequests, mode: 'outdated', behindSeconds: 60, times: 1 })
        upstream.forget()
        await poll(service)
        assert.is(
          paths(service, metadataRequests).length,
          2,
          'a server that is behind, and one not',
        )
        assert.match((await get(log)).body.toString(), `"${version}"`)
      }
      upstream.forget()
      for (let hour = 0; hour < 5; hour++) {
        move(3600)
        await poll(service)
        await get(log)
      }
      assert.equal(paths(service, metadataRequests), [])
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
      const { get, upstream, clock } = service
      const move = (seconds: number): void => {
        clock.advance(seconds)
        upstream.at(secondOf(addSeconds(clock.now(), offsetSeconds)))
      }
      move(0)
      await poll(service)
      await get(log)
      for (const version of ['8.0.0', '8.1.0', '8.2.0']) {
        move(600)
        upstream.publish('acme/log', version)
        move(30)
        upstream.fail({ match: metadataRequests, mode: 'outdated', behindSeconds: 60, times: 1 })
        await poll(service)
        move(30)
        await poll(service) // Without dates, a server that is behind isn't known by its answer.
        assert.match((await get(log)).body.toString(), `"${version}"`)
      }
      move(600)
      await poll(service)
      upstream.forget()
      for (let hour = 0; hour < 5; hour++) {
        move(3600)
        await poll(service)
        await get(log)
      }
      assert.equal(paths(service, metadataRequests), [])
    })
  })
}
