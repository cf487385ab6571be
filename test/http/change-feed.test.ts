import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { newEvent } from '../../src/events/new-event.ts'
import { type DomainEvent, feedStream, type RecordedEvent } from '../../src/events/types.ts'
import { addSeconds, compactInstant, type Instant } from '../../src/time-machine/instant.ts'
import { type Service, type ServiceOptions, startService } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'

type Page = Extract<DomainEvent, { readonly type: 'ChangeFeedRead' }>['data']

const feedRequests = /^\/metadata\/changes\.json/
const metadataRequests = /^\/p2\//
const log = '/p2/acme/log.json'
const known = [log, '/p2/acme/log~dev.json', '/p2/acme/http.json', '/p2/beta/text.json'] as const

function withFeed(options: ServiceOptions = {}): () => Promise<Service> {
  const settings = { PROXY_FEED_INTERVAL: '60' }
  return async () => await startService({ settings, ...options })
}

/** Time goes on, here and upstream. */
function pass({ clock, upstream }: Service, seconds: number): void {
  clock.advance(seconds)
  upstream.at(secondOf(clock.now()))
}

function secondOf(instant: Instant): string {
  return `${instant.slice(0, 19)}Z`
}

/** Upstream's clock goes on by a second with each change. */
function change<Result>({ clock, upstream }: Service, what: () => Result): Result {
  const result = what()
  clock.set(upstream.now())
  return result
}

async function poll(service: Service, node = 0): Promise<void> {
  await service.runJob('change feed', node)
}

async function pages({ events }: Pick<Service, 'events'>): Promise<readonly Page[]> {
  const all = await events()
  return all.flatMap((event) => (event.type === 'ChangeFeedRead' ? [event.data] : []))
}

async function eventsFor(service: Service, document: string): Promise<readonly RecordedEvent[]> {
  const events = await service.events()
  return events.filter(({ stream }) => stream === `document-${document}`)
}

function paths({ upstream }: Service, match: RegExp): readonly string[] {
  return upstream.requestsFor(match).map(({ path }) => path)
}

function wordOf(response: { readonly headers: Record<string, unknown> }): string {
  return String(response.headers['x-time-machine']).split(';')[0] ?? ''
}

describe('the change feed', withFeed(), (test) => {
  test('is asked where to begin, and then for what came after', async (service) => {
    const { upstream } = service
    await poll(service)
    pass(service, 60)
    await poll(service)
    pass(service, 60)
    await poll(service)
    const begin = (Date.parse('2026-06-01T00:00:01Z') - 120_000) * 10
    assert.equal(paths(service, feedRequests), [
      '/metadata/changes.json',
      `/metadata/changes.json?since=${begin}`,
      `/metadata/changes.json?since=${begin + 60 * 10_000}`,
    ])
    assert.match(upstream.requestsFor(feedRequests)[0]?.headers['accept-encoding'] ?? '', /gzip/)
    assert.equal(
      (await pages(service)).map(({ resync, changed, deleted }) => [resync, changed, deleted]),
      [
        [true, [], []],
        [false, [], []],
        [false, [], []],
      ],
    )
  })

  test('verifies what is known: nothing unchanged is fetched, however old it is', async (service) => {
    const { get, upstream } = service
    for (const path of known) assert.is((await get(path)).statusCode, 200)
    upstream.forget()
    for (let hour = 0; hour < 30; hour++) {
      pass(service, 3600)
      await poll(service)
      for (const path of known) {
        const { statusCode, headers } = await get(path)
        assert.is(statusCode, 200)
        assert.is(headers['warning'], undefined)
      }
    }
    assert.equal(paths(service, metadataRequests), [])
    assert.is(upstream.requestsFor(feedRequests).length, 30)
    const others = upstream.requests.filter(({ path }) => !feedRequests.test(path))
    assert.equal(
      [...new Set(others.map(({ path }) => path))],
      ['/packages.json'],
      'no feed names it',
    )
  })

  test('a change is fetched and recorded without anybody asking', async (service) => {
    const { get, upstream } = service
    change(service, () => upstream.publish('acme/log', '2.2.0'))
    upstream.forget()
    pass(service, 60)
    await poll(service)
    assert.equal(paths(service, metadataRequests), [log])
    const [page] = (await pages(service)).slice(-1)
    assert.equal(page?.changed, [
      { document: 'acme/log', changedAt: addSeconds(service.clock.now(), -60) },
    ])
    assert.is((await eventsFor(service, 'acme/log')).at(-1)?.type, 'MetadataChanged')
    assert.match((await get(log)).body.toString(), '"2.2.0"')
    assert.is(paths(service, metadataRequests).length, 1)
  })

  test('… and once, though pages overlap', async (service) => {
    const { upstream } = service
    upstream.forget()
    pass(service, 30)
    await poll(service)
    assert.equal(paths(service, metadataRequests), [])
    assert.equal((await pages(service)).at(-1)?.changed, [])
  })

  test('what a client fetched meanwhile is not fetched again', async (service) => {
    const { get, upstream } = service
    change(service, () => upstream.publish('acme/container', '9.0.0'))
    await get('/p2/acme/container.json')
    upstream.forget()
    await poll(service)
    pass(service, 7200)
    await poll(service)
    await get('/p2/acme/container.json')
    assert.equal(paths(service, metadataRequests), [])
  })

  test('changes of packages that nobody asked for are ignored', async (service) => {
    const { upstream } = service
    change(service, () => upstream.publish('acme/messages', '9.0.0'))
    change(service, () => upstream.deletePackage('beta/edge'))
    upstream.forget()
    await poll(service)
    assert.equal(paths(service, metadataRequests), [])
    const [page] = (await pages(service)).slice(-1)
    assert.equal([page?.changed, page?.deleted], [[], []])
  })

  test('a burst is fetched a few at a time, each document once', async (service) => {
    const { get, upstream } = service
    const names = Array.from({ length: 30 }, (_, n) => `burst/package-${n}`)
    for (const name of names) change(service, () => upstream.publish(name, '1.0.0'))
    for (const name of names) await get(`/p2/${name}.json`)
    for (const version of ['1.1.0', '1.2.0']) {
      for (const name of names) change(service, () => upstream.publish(name, version))
    }
    upstream.forget()
    const gate = upstream.hold(metadataRequests)
    const polled = poll(service)
    await eventually('five are under way', () => gate.waiting() === 5)
    // Others are served meanwhile: the feed leaves half of what upstream may be asked at once.
    const asked = get('/p2/acme/clock.json')
    await eventually('a sixth is', () => gate.waiting() === 6)
    gate.release()
    assert.is((await asked).statusCode, 200)
    await polled
    const fetched = paths(service, /^\/p2\/burst/)
    assert.equal(fetched.toSorted(), names.map((name) => `/p2/${name}.json`).toSorted())
    for (const name of names) assert.match((await get(`/p2/${name}.json`)).body.toString(), '1.2.0')
  })

  test('a deleted package is gone at once, both documents, and still there before', async (service) => {
    const { get, upstream } = service
    const documents = ['/p2/acme/http.json', '/p2/acme/http~dev.json']
    for (const path of documents) assert.is((await get(path)).statusCode, 200)
    const before = service.clock.now()
    pass(service, 600)
    change(service, () => upstream.deletePackage('acme/http'))
    upstream.forget()
    await poll(service)
    assert.equal(paths(service, metadataRequests).toSorted(), documents)
    pass(service, 600)
    const [page] = (await pages(service)).slice(-1)
    assert.equal(
      page?.deleted.map(({ packageName }) => packageName),
      ['acme/http'],
    )
    for (const path of documents) {
      assert.is((await get(path)).statusCode, 404)
      assert.is((await get(`/at/${compactInstant(before)}${path}`)).statusCode, 200)
      assert.is((await get(`/at/${compactInstant(service.clock.now())}${path}`)).statusCode, 404)
    }
  })

  test('… and comes back when upstream has it again', async (service) => {
    const { get, upstream } = service
    change(service, () => upstream.publish('acme/http', '5.0.0'))
    await poll(service)
    const types = (await eventsFor(service, 'acme/http')).map(({ type }) => type)
    assert.is(types.filter((type) => type === 'MetadataChanged').length, 2)
    assert.match((await get('/p2/acme/http.json')).body.toString(), '"5.0.0"')
  })

  test('a name without a package is not fetched, and asked for again once there is one', async (service) => {
    const { get, upstream } = service
    assert.is((await get('/p2/acme/wish.json')).statusCode, 404)
    pass(service, 600)
    await poll(service)
    upstream.forget()
    assert.is((await get('/p2/acme/wish.json')).statusCode, 404)
    assert.equal(paths(service, metadataRequests), [], 'the feed would have named it')
    change(service, () => upstream.publish('acme/wish', '1.0.0'))
    pass(service, 60)
    await poll(service)
    assert.equal(paths(service, metadataRequests), [])
    assert.is((await get('/p2/acme/wish.json')).statusCode, 200)
  })
})

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
    assert.equal(statuses.toSorted(), [200, 304, 304, 304])
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
    const changed = [{ document: 'acme/log', changedAt: clock.now() }]
    const until = (Date.parse(clock.now()) + 1000) * 10
    const data = {
      ...before,
      since: before.until,
      until,
      changed,
      resync: false,
      readAt: clock.now(),
    }
    const page = newEvent({ type: 'ChangeFeedRead', data: data as Page })
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

describe('a feed that is turned off', startService, (test) => {
  test('has no job', async ({ runJob }) => {
    let problem = ''
    await runJob('change feed').catch((error: unknown) => (problem = String(error)))
    assert.match(problem, 'there is no job')
  })
})
