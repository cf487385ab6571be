import * as assert from 'uvu/assert'
import { pass, poll, withFeed } from '../support/feed.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const metadataRequests = /^\/p2\//

const listed = withFeed()

describe('a package that upstream lists and denies', listed, (test) => {
  test('is asked for again after 2 s, and then when it has been so for twice as long', async (service) => {
    const { get, clock, upstream } = service
    await poll(service)
    await service.runJob('name list')
    clock.advance(60)
    await poll(service)
    const clear = upstream.fail({ match: metadataRequests, mode: 'status', status: 404 })
    upstream.forget()
    const asked: number[] = []
    for (let second = 0; second < 200; second++) {
      if (second % 30 === 0) await poll(service)
      const before = upstream.requestsFor(metadataRequests).length
      assert.is((await get('/p2/acme/log.json')).statusCode, 404)
      if (upstream.requestsFor(metadataRequests).length > before) asked.push(second)
      clock.advance(1)
    }
    assert.equal(asked, [0, 2, 4, 6, 10, 18, 34, 66, 126, 186])
    clear()
    clock.advance(60)
    assert.is((await get('/p2/acme/log.json')).statusCode, 200)
  })
})

describe('a name that upstream denied at first contact, which lists no names', listed, (test) => {
  test('is asked for again after a minute, though the feed says that nothing has changed', async (service) => {
    const { get, upstream } = service
    const clear = upstream.fail({ match: metadataRequests, mode: 'status', status: 404 })
    await poll(service)
    assert.is((await get('/p2/acme/log.json')).statusCode, 404)
    clear()
    pass(service, 60)
    await poll(service)
    assert.is((await get('/p2/acme/log.json')).statusCode, 200)
  })
})

describe('a name that upstream does not list', startService, (test) => {
  test('is believed not to be there for a minute', async ({ get, upstream, clock }) => {
    for (let second = 0; second < 59; second++) {
      assert.is((await get('/p2/made/up.json')).statusCode, 404)
      clock.advance(1)
    }
    assert.is(upstream.requestsFor(metadataRequests).length, 1)
  })
})
