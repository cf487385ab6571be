import * as assert from 'uvu/assert'
import {
  change,
  eventsFor,
  feedRequests,
  known,
  log,
  metadataRequests,
  pages,
  pass,
  paths,
  poll,
  withFeed,
} from '../support/feed.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

describe('a feed that fails', withFeed(), (test) => {
  const faults = [
    { mode: 'status', status: 500 },
    { mode: 'status', status: 404 },
    { mode: 'status', status: 429 },
    { mode: 'reset' },
    { mode: 'truncate' },
    { mode: 'garbage-json' },
    { mode: 'html' },
    { mode: 'gzip-bomb' },
    { mode: 'close-delimited-short' },
  ] as const
  for (const [index, fault] of faults.entries()) {
    const what = 'status' in fault ? `${fault.mode} ${fault.status}` : fault.mode
    test(`${what}: the time to live counts, and nothing is lost when it is back`, async (service) => {
      const { get, upstream } = service
      for (const path of known) await get(path)
      await poll(service)
      const before = (await pages(service)).length
      const clear = upstream.fail({ match: feedRequests, ...fault })
      change(service, () => upstream.publish('acme/log', `7.${index}.0`))
      pass(service, 3700)
      await poll(service)
      assert.is((await pages(service)).length, before, 'nothing was read, nothing is recorded')
      pass(service, 3700)
      await poll(service)
      pass(service, 61) // over the pause that a failing upstream is given
      upstream.forget()
      assert.is((await get('/p2/acme/http.json')).statusCode, 200)
      assert.equal(paths(service, metadataRequests), ['/p2/acme/http.json'])
      clear()
      pass(service, 70)
      await poll(service)
      assert.equal(paths(service, metadataRequests), ['/p2/acme/http.json', log])
      assert.match((await get(log)).body.toString(), `"7.${index}.0"`)
    })
  }

  test('a name that could not be asked for is 404 again when the feed speaks for it', async (service) => {
    const { get, upstream } = service
    const path = '/p2/acme/nothing.json'
    assert.is((await get(path)).statusCode, 404)
    pass(service, 600)
    const clear = upstream.fail({ match: /nothing/, mode: 'status', status: 403 })
    assert.is((await get(path)).statusCode, 503)
    clear()
    pass(service, 10)
    await poll(service)
    upstream.forget()
    assert.is((await get(path)).statusCode, 404)
    assert.equal(paths(service, metadataRequests), [])
  })

  test('upstream failing for everything else: a change stays noted until it is fetched', async (service) => {
    const { get, upstream } = service
    change(service, () => upstream.publish('acme/log', '8.0.0'))
    const clear = upstream.fail({ match: metadataRequests, mode: 'reset' })
    await poll(service)
    assert.is((await eventsFor(service, 'acme/log')).at(-1)?.type, 'MetadataFetchFailed')
    pass(service, 300)
    await poll(service)
    clear()
    pass(service, 300)
    await poll(service)
    assert.match((await get(log)).body.toString(), '"8.0.0"')
  })
})

describe('an upstream without a feed', withFeed({ upstream: { hasFeed: false } }), (test) => {
  test('is followed by time to live alone', async (service) => {
    const { get, upstream } = service
    await poll(service)
    await get(log)
    pass(service, 3600)
    await poll(service)
    upstream.forget()
    await get(log)
    assert.equal(paths(service, metadataRequests), [log])
    assert.equal(paths(service, feedRequests), [])
    assert.equal(await pages(service), [])
  })
})

describe('an upstream that is not there', withFeed(), (test) => {
  test('is asked again by the next step', async (service) => {
    const clear = service.upstream.fail({ match: /./, mode: 'reset' })
    await poll(service)
    assert.equal(await pages(service), [])
    clear()
    pass(service, 60)
    await poll(service)
    assert.is((await pages(service)).length, 1)
  })
})

describe('a feed that is turned off', startService, (test) => {
  test('has no job', async ({ runJob }) => {
    let problem = ''
    await runJob('change feed').catch((error: unknown) => (problem = String(error)))
    assert.match(problem, 'there is no job')
  })
})

describe('a document that could not be fetched at first', withFeed(), (test) => {
  test('is asked for again, however often the feed says that nothing has changed', async (service) => {
    const { get, upstream } = service
    await poll(service)
    const clear = upstream.fail({ match: /beta\/text/, mode: 'reset', times: 3 })
    assert.is((await get('/p2/beta/text.json')).statusCode, 503)
    clear()
    pass(service, 60)
    await poll(service)
    assert.is((await get('/p2/beta/text.json')).statusCode, 200)
  })
})
