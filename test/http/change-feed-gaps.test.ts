import * as assert from 'uvu/assert'
import { addSeconds, compactInstant, type Instant } from '../../src/time-machine/instant.ts'
import {
  change,
  eventsFor,
  known,
  log,
  metadataRequests,
  pages,
  pass,
  paths,
  poll,
  secondOf,
  withFeed,
  wordOf,
} from '../support/feed.ts'
import { describe } from '../support/suite.ts'

describe('what the feed can not tell', withFeed(), (test) => {
  test('documents from before it was followed are asked for once', async (service) => {
    const { get, upstream } = service
    for (const path of known) await get(path)
    pass(service, 7200)
    change(service, () => upstream.publish('acme/log', '2.2.0'))
    pass(service, 7200)
    upstream.forget()
    await poll(service)
    assert.equal(paths(service, metadataRequests).toSorted(), known.toSorted())
    assert.match((await get(log)).body.toString(), '"2.2.0"')
    pass(service, 60)
    await poll(service)
    assert.is(paths(service, metadataRequests).length, known.length)
  })

  test('after more than a day without it everything known is asked for again', async (service) => {
    const { get, upstream } = service
    pass(service, 3600)
    change(service, () => upstream.publish('beta/text', '9.0.0'))
    pass(service, 25 * 3600)
    upstream.forget()
    const gate = upstream.hold(metadataRequests)
    const polled = poll(service)
    await gate.arrived
    gate.release()
    await polled
    assert.is((await pages(service)).at(-1)?.resync, true)
    assert.equal(paths(service, metadataRequests).toSorted(), known.toSorted())
    const statuses = upstream.requestsFor(metadataRequests).map(({ status }) => status)
    assert.equal(statuses.map(String).toSorted(), ['200', '304', '304', '304'])
    assert.match((await get('/p2/beta/text.json')).body.toString(), '"9.0.0"')
    upstream.forget()
    pass(service, 7200)
    await poll(service)
    for (const path of known) await get(path)
    assert.equal(paths(service, metadataRequests), [])
  })

  test('what could not be fetched then is asked for later, by the feed or by a client', async (service) => {
    const { get, upstream } = service
    pass(service, 25 * 3600)
    const clear = upstream.fail({ match: metadataRequests, mode: 'status', status: 404 })
    clear()
    const failing = upstream.fail({ match: /acme/, mode: 'garbage-json' })
    await poll(service)
    failing()
    upstream.forget()
    assert.is((await get(log)).statusCode, 200)
    pass(service, 6)
    assert.is((await get(log)).headers['warning'], undefined)
    assert.equal(paths(service, metadataRequests), [log], 'its own time to live is long over')
    pass(service, 60)
    await poll(service)
    assert.equal(paths(service, metadataRequests).toSorted(), known.slice(0, 3).toSorted())
  })

  test('a package that was deleted meanwhile is gone when that is sure, without anybody asking', async (service) => {
    const { upstream } = service
    pass(service, 3600)
    change(service, () => upstream.deletePackage('beta/text'))
    pass(service, 25 * 3600)
    const before = (await eventsFor(service, 'beta/text')).length
    for (let minutes = 0; minutes < 25; minutes++) {
      pass(service, 60)
      await poll(service)
    }
    const events = (await eventsFor(service, 'beta/text')).slice(before)
    assert.ok(events.every(({ type }) => type === 'MetadataMissing'))
    assert.ok(events.length >= 3 && events.length <= 10, `asked ${events.length} times`)
    upstream.forget()
    assert.is((await service.get('/p2/beta/text.json')).statusCode, 404)
    assert.equal(paths(service, metadataRequests), [])
  })

  test('a feed that counts backwards has lost something', async (service) => {
    const { upstream, clock } = service
    pass(service, 600)
    await poll(service)
    upstream.at(secondOf(addSeconds(clock.now(), -300)))
    await poll(service)
    assert.is((await pages(service)).at(-1)?.resync, true)
    pass(service, 600)
    await poll(service)
    assert.is((await pages(service)).at(-1)?.resync, false)
  })
})

describe('an edge server that is behind the feed', withFeed(), (test) => {
  test('is asked again until it has what the feed named', async (service) => {
    const { get, upstream } = service
    await poll(service)
    await get(log)
    pass(service, 600)
    change(service, () => upstream.publish('acme/log', '2.2.0'))
    upstream.forget()
    upstream.fail({ match: metadataRequests, mode: 'outdated', times: 3 })
    await poll(service)
    assert.equal(
      upstream.requestsFor(metadataRequests).map(({ status }) => status),
      [304, 304, 304, 200],
    )
    assert.match((await get(log)).body.toString(), '"2.2.0"')
  })

  test('… at the next step too, and what it says does not count as upstream’s word', async (service) => {
    const { get, upstream, clock } = service
    pass(service, 600)
    await poll(service)
    const verified = clock.now()
    pass(service, 60)
    change(service, () => upstream.publish('acme/log', '2.3.0'))
    const changed = clock.now()
    pass(service, 30)
    const clear = upstream.fail({ match: metadataRequests, mode: 'outdated', behindSeconds: 100 })
    upstream.forget()
    await poll(service)
    assert.is(paths(service, metadataRequests).length, 4, 'once, and three times again')
    pass(service, 61)
    upstream.forget()
    const at = async (instant: Instant) => await get(`/at/${compactInstant(instant)}${log}`)
    assert.is(wordOf(await at(verified)), 'exact')
    assert.is(wordOf(await at(changed)), 'carried', 'upstream has moved on, but where to?')
    await poll(service)
    assert.is(paths(service, metadataRequests).length, 1, 'still behind')
    clear()
    pass(service, 120)
    await poll(service)
    assert.match((await get(log)).body.toString(), '"2.3.0"')
    assert.is(wordOf(await at(verified)), 'exact')
    assert.is(wordOf(await at(changed)), 'stale')
  })

  test('one that is behind for a quarter of an hour dates its files in another way', async (service) => {
    const { upstream } = service
    change(service, () => upstream.publish('acme/log', '2.4.0'))
    const clear = upstream.fail({ match: metadataRequests, mode: 'outdated', behindSeconds: 3600 })
    await poll(service)
    pass(service, 900)
    await poll(service)
    upstream.forget()
    for (let minutes = 0; minutes < 30; minutes++) {
      pass(service, 60)
      await poll(service)
    }
    assert.equal(paths(service, metadataRequests), [])
    clear()
  })

  test('a deletion that it has not heard of is asked for again', async (service) => {
    const { get, upstream } = service
    pass(service, 7200)
    await get(log)
    await poll(service)
    change(service, () => upstream.deletePackage('acme/log'))
    upstream.fail({ match: metadataRequests, mode: 'outdated', times: 2 })
    await poll(service)
    assert.is((await get(log)).statusCode, 404)
  })

  test('"no such" from one is not believed while the feed says otherwise', async (service) => {
    const { get, upstream } = service
    const path = '/p2/beta/text.json'
    await get(path)
    pass(service, 7200)
    upstream.fail({ match: /beta/, mode: 'status', status: 404, times: 1 })
    assert.is((await get(path)).statusCode, 200)
    await poll(service)
    pass(service, 61)
    upstream.forget()
    assert.is((await get(path)).statusCode, 200)
    assert.equal(paths(service, metadataRequests), [path], 'it is asked for again soon')
  })
})
