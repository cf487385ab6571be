import * as assert from 'uvu/assert'
import type { ProxyStatus } from '../../src/http/admin/status.ts'
import { compactInstant } from '../../src/time-machine/instant.ts'
import { change, metadataRequests, pages, pass, paths, poll, withFeed } from '../support/feed.ts'
import type { Service } from '../support/service.ts'
import { describe } from '../support/suite.ts'
import type { Fault } from '../support/upstream/faults.ts'

const listRequests = /^\/packages\/list\.json/
const madeUp = '/p2/made/up.json'

/** The list is fetched, and the next page of the feed compared with it. */
async function useList(service: Service): Promise<void> {
  await poll(service)
  await service.runJob('name list')
  pass(service, 60)
  await poll(service)
}

async function statusOf({ api }: Service): Promise<ProxyStatus['nameList']> {
  const { body } = await api('GET', '/api/v1/proxy/status')
  return (body as ProxyStatus).nameList // what its schema let through
}

/** Whether upstream is asked for a name that nobody has asked for. */
async function asks(service: Service, path: string): Promise<boolean> {
  const { upstream, get } = service
  upstream.forget()
  assert.is((await get(path)).statusCode, 404)
  return upstream.requestsFor(metadataRequests).length > 0
}

/** What upstream sends as its list. */
function listed(names: readonly unknown[]): Fault {
  const body = JSON.stringify({ packageNames: names })
  return { match: listRequests, mode: 'own-words', body }
}

describe("upstream's list of names", withFeed(), (test) => {
  test('is of no use before the feed was compared with it', async (service) => {
    assert.equal((await statusOf(service)).problem, 'not_fetched')
    assert.ok(await asks(service, '/p2/made/up-before.json'))
    await poll(service)
    await service.runJob('name list')
    assert.equal((await statusOf(service)).problem, 'not_compared')
    assert.ok(await asks(service, '/p2/made/up-between.json'))
  })

  test('answers for names that it lacks, and nothing is recorded', async (service) => {
    const { get, upstream, log } = service
    pass(service, 60)
    await poll(service)
    const head = await log.head()
    upstream.forget()
    for (const path of [madeUp, '/p2/made/up~dev.json', '/p2/acme/made-up.json']) {
      const answer = await get(path)
      assert.is(answer.statusCode, 404, path)
      assert.match(answer.headers['content-type'] ?? '', 'application/json')
    }
    const archive = `/dist-proxy/made/up/1.0.0.0/${'a'.repeat(40)}.zip`
    assert.is((await get(archive)).statusCode, 404)
    assert.equal(paths(service, /./), [])
    assert.is(await log.head(), head)
    const { inUse, names, problem } = await statusOf(service)
    assert.equal({ inUse, names, problem }, { inUse: true, names: 13, problem: null })
    assert.is((await get('/p2/acme/log.json')).statusCode, 200, 'what is listed is asked for')
  })

  test('does not answer for the past: upstream is asked, and what it says recorded', async (service) => {
    const { get, clock, events, upstream } = service
    upstream.forget()
    const pinned = `/at/${compactInstant(clock.now())}/p2/made/up-then.json`
    assert.is((await get(pinned)).statusCode, 404)
    assert.equal(paths(service, metadataRequests), ['/p2/made/up-then.json'])
    const recorded = (await events()).filter(({ stream }) => stream === 'document-made/up-then')
    assert.equal(
      recorded.map(({ type }) => type),
      ['MetadataMissing'],
    )
  })

  test('has what the feed named since, on every node', async (service) => {
    const { upstream, get, startNode } = service
    const other = await startNode()
    const path = '/p2/made/up-later.json'
    for (const ask of [get, other]) assert.is((await ask(path)).statusCode, 404)
    change(service, () => upstream.publish('made/up-later', '1.0.0'))
    pass(service, 60)
    await poll(service)
    assert.equal((await pages(service)).at(-1)?.unlisted, ['made/up-later'])
    for (const ask of [other, get]) assert.is((await ask(path)).statusCode, 200)
    pass(service, 60)
    await poll(service)
    assert.is((await pages(service)).at(-1)?.unlisted, undefined, 'once, though pages overlap')
  })

  test('is fetched once a day, and not at each start', async (service) => {
    const { upstream, restart, runJob } = service
    upstream.forget()
    await runJob('name list')
    await restart({ PROXY_FEED_INTERVAL: '60' })
    await runJob('name list')
    assert.equal(paths(service, listRequests), [])
    assert.not(await asks(service, '/p2/made/up-again.json'))
    pass(service, 86_400)
    for (let time = 0; time < 2; time++) await runJob('name list')
    assert.is(paths(service, listRequests).length, 1)
  })

  test('is of no use after a gap in the feed, until the feed is compared with one again', async (service) => {
    await poll(service)
    assert.is((await pages(service)).at(-1)?.resync, true)
    assert.is((await statusOf(service)).problem, 'not_compared')
    assert.ok(await asks(service, '/p2/made/up-gap.json'))
    pass(service, 60)
    await poll(service)
    assert.is((await statusOf(service)).inUse, true)
    assert.not(await asks(service, '/p2/made/up-after-gap.json'))
  })

  test('is of no use once the feed was not read for three intervals', async (service) => {
    pass(service, 180)
    assert.not(await asks(service, '/p2/made/up-late.json'))
    pass(service, 1)
    assert.is((await statusOf(service)).problem, 'feed_late')
    assert.ok(await asks(service, '/p2/made/up-late.json'))
  })
})

describe("upstream's list of names that is made anew at its end", withFeed(), (test) => {
  test('lacks what came before it was fetched and after it was made', async (service) => {
    const { upstream, get } = service
    const clear = upstream.fail(listed(['acme/log']))
    await poll(service)
    change(service, () => upstream.publish('made/just-now', '1.0.0'))
    pass(service, 240)
    await poll(service)
    await service.runJob('name list')
    clear()
    pass(service, 60)
    await poll(service)
    assert.is((await statusOf(service)).inUse, true)
    assert.is((await get('/p2/made/just-now.json')).statusCode, 200, 'its list is five minutes old')
  })
})

describe('a list of names that lacks', withFeed(), (test) => {
  test('a package that was seen here is not used', async (service) => {
    const { upstream, get } = service
    await poll(service)
    await get('/p2/acme/log.json')
    upstream.fail(listed(['acme/http', 'Beta/Text', 7, 'not a name']))
    await useList(service)
    assert.is((await statusOf(service)).problem, 'partial')
    assert.ok(await asks(service, madeUp))
  })

  test('… unless upstream has it no more', async (service) => {
    const { upstream } = service
    change(service, () => upstream.deletePackage('acme/log'))
    pass(service, 60)
    await poll(service)
    assert.is((await statusOf(service)).inUse, true)
    assert.not(await asks(service, '/p2/made/up-now.json'))
  })

  test('a package that turns out to be there is not used from then on', async (service) => {
    const { get, clock } = service
    assert.is((await get('/p2/beta/text.json')).statusCode, 200, 'names are in lower case')
    assert.is((await get('/p2/acme/mailer.json')).statusCode, 404)
    const pinned = `/at/${compactInstant(clock.now())}/p2/acme/mailer.json`
    assert.is((await get(pinned)).statusCode, 200)
    assert.is((await statusOf(service)).problem, 'partial')
    assert.is((await get('/p2/acme/clock.json')).statusCode, 200)
  })
})

describe('a list of names that is of no use', withFeed(), (test) => {
  const cases: readonly (readonly [string, Omit<Fault, 'match'>])[] = [
    ['unreadable', { mode: 'html' }],
    ['unreadable', { mode: 'garbage-json' }],
    ['unreadable', { mode: 'gzip-bomb' }],
    ['unreadable', { mode: 'own-words', body: '{"packageNames":[]}' }],
    ['unreadable', { mode: 'own-words', body: '{"packageNames":{"acme/log":1}}' }],
    ['not_offered', { mode: 'status', status: 404 }],
    ['no_answer', { mode: 'status', status: 403 }],
    ['no_answer', { mode: 'reset' }],
  ]
  for (const [index, [problem, fault]] of cases.entries()) {
    test(`${problem} (${fault.mode}) is said to be so, and upstream asked`, async (service) => {
      const clear = service.upstream.fail({ ...fault, match: listRequests })
      await useList(service)
      clear()
      const status = await statusOf(service)
      assert.equal([status.inUse, status.problem], [false, problem])
      assert.ok(await asks(service, `/p2/made/up-${index}.json`))
      pass(service, 86_400)
    })
  }
})
