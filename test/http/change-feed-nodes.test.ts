import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { DocumentName } from '../../src/composer/names.ts'
import { newEvent } from '../../src/events/new-event.ts'
import { feedStream } from '../../src/events/types.ts'
import { addSeconds, compactInstant, type Instant } from '../../src/time-machine/instant.ts'
import {
  change,
  feedRequests,
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
import { describe, eventually } from '../support/suite.ts'

describe('following the feed and Time Machine', withFeed(), (test) => {
  test('a document is exact up to the last page, and carried after it', async (service) => {
    const { get, clock } = service
    await poll(service)
    await get(log)
    pass(service, 5000)
    const between = clock.now()
    pass(service, 5000)
    await poll(service)
    const read = clock.now()
    pass(service, 600)
    const at = async (instant: Instant) => await get(`/at/${compactInstant(instant)}${log}`)
    for (const instant of [between, read]) {
      const answer = await at(instant)
      assert.is(wordOf(answer), 'exact')
      assert.match(String(answer.headers['x-time-machine']), `until=${secondOf(read)}`)
    }
    assert.is(wordOf(await at(addSeconds(read, 1))), 'carried')
  })

  test('it stays so when the document changes, is refetched, or is doubted', async (service) => {
    const { get, clock, upstream } = service
    const documents = [log, '/p2/acme/http.json', '/p2/beta/text.json'] as const
    for (const path of documents) await get(path)
    pass(service, 5000)
    await poll(service)
    const read = clock.now()
    pass(service, 5000)
    change(service, () => upstream.publish('acme/log', '2.2.0'))
    change(service, () => upstream.publish('acme/http', '9.0.0'))
    const fail = upstream.fail({ match: /beta/, mode: 'status', status: 404 })
    await get('/p2/acme/http.json') // a client is faster than the feed
    await get('/p2/beta/text.json')
    await poll(service)
    fail()
    pass(service, 600)
    for (const path of documents) {
      const answer = await get(`/at/${compactInstant(read)}${path}`)
      assert.is(wordOf(answer), 'exact', path)
      assert.not.match(answer.body.toString(), /"2\.2\.0"|"9\.0\.0"/)
    }
  })
})

describe('the feed and a crash', withFeed(), (test) => {
  test('after the page was recorded: what it names is fetched after the next start', async (service) => {
    const { get, upstream, clock, log: events, restart } = service
    await poll(service)
    await get(log)
    pass(service, 60)
    change(service, () => upstream.publish('acme/log', '2.2.0'))
    const [before] = (await pages(service)).slice(-1)
    if (before === undefined) throw new Error('no page was read')
    const page = newEvent({
      type: 'ChangeFeedRead',
      data: {
        ...before,
        until: (Date.parse(clock.now()) + 1000) * 10,
        resync: false,
        changed: [{ document: DocumentName.parse('acme/log'), changedAt: clock.now() }],
        readAt: clock.now(),
      },
    })
    await events.append({ stream: feedStream(upstream.url), expected: 'any', events: [page] })
    await restart()
    pass(service, 600)
    upstream.forget()
    await poll(service)
    assert.equal((await pages(service)).at(-1)?.changed, [], 'it is no news any more')
    assert.equal(paths(service, metadataRequests), [log])
    assert.match((await get(log)).body.toString(), '"2.2.0"')
  })
})

describe('two nodes', withFeed(), (test) => {
  test('one of them reads the feed, and both serve what it brings', async (service) => {
    const { get, upstream, startNode } = service
    const other = await startNode()
    await get(log)
    for (const node of [0, 1, 1, 0]) await poll(service, node)
    assert.is(paths(service, feedRequests).length, 2)
    change(service, () => upstream.publish('acme/log', '2.2.0'))
    for (const node of [1, 0]) await poll(service, node)
    assert.is(paths(service, feedRequests).length, 3)
    for (const ask of [get, other]) assert.match((await ask(log)).body.toString(), '"2.2.0"')
  })

  test('when it is gone, the other one takes over', async (service) => {
    const { upstream, database } = service
    await sql`update job_lease set expires_at = now()`.execute(database.db)
    upstream.forget()
    for (const node of [1, 0, 1]) await poll(service, node)
    assert.is(paths(service, feedRequests).length, 2)
    assert.is(upstream.requestsFor(feedRequests).length, 2)
  })

  test('one that was only slow does nothing with its page', async (service) => {
    const { upstream, database } = service
    const before = (await pages(service)).length
    change(service, () => upstream.publish('acme/log', '2.3.0'))
    upstream.forget()
    const gate = upstream.hold(feedRequests)
    const slow = poll(service, 1)
    await gate.arrived
    await sql`update job_lease set expires_at = now()`.execute(database.db)
    const fast = poll(service, 0)
    await eventually('both have asked', () => gate.waiting() === 2)
    gate.release()
    await Promise.all([slow, fast])
    assert.is((await pages(service)).length, before + 1)
    assert.equal(paths(service, metadataRequests), [log])
  })
})
