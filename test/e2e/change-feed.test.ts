import { got } from 'got'
import * as assert from 'uvu/assert'
import { startAlmanac } from '../support/almanac.ts'
import { feedRequests, log, metadataRequests } from '../support/feed.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { describe, eventually } from '../support/suite.ts'
import { startStubUpstream } from '../support/upstream.ts'

async function open() {
  const upstream = await startStubUpstream()
  const database = await createTestDatabase()
  return {
    upstream,
    options: {
      upstream: upstream.url,
      databaseUrl: database.url,
      env: { PROXY_FEED_INTERVAL: '1', LOG_LEVEL: 'error' },
    },
    async close() {
      await database.close()
      await upstream.close()
    },
  }
}

describe('following the feed in a process of its own', open, (test) => {
  test('a change is fetched though nobody asks and the process is killed on the way', async ({
    upstream,
    options,
  }) => {
    const killed = await startAlmanac(options)
    await eventually('the feed is read', () => upstream.requestsFor(feedRequests).length > 0)
    assert.is((await got(killed.url + log)).statusCode, 200)
    upstream.publish('acme/log', '2.2.0')
    const gate = upstream.hold(metadataRequests)
    await gate.arrived
    await killed.kill9()
    gate.release()
    upstream.forget()

    const restarted = await startAlmanac(options)
    const isFetched = () =>
      upstream.requestsFor(metadataRequests).some(({ status }) => status === 200)
    // Until the lease of the one that was killed has run out.
    await eventually('it is fetched', isFetched, { timeoutMs: 40_000 })
    await eventually('it is served', async () => {
      return (await got(restarted.url + log)).body.includes('"2.2.0"')
    })
    assert.is(upstream.requestsFor(metadataRequests).length, 1)
    assert.is(await restarted.stop(), 0)
    await restarted.close()
    await killed.close()
  })

  test('the next process goes on at once when the one before ended orderly', async ({
    upstream,
    options,
  }) => {
    upstream.forget()
    const almanac = await startAlmanac(options)
    await eventually('the feed is read', () => upstream.requestsFor(feedRequests).length > 1, {
      timeoutMs: 5_000,
    })
    assert.match(upstream.requestsFor(feedRequests)[0]?.path ?? '', /since=\d+/)
    assert.is(await almanac.stop(), 0)
    await almanac.close()
  })
})
