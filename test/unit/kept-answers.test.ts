import { randomUUID } from 'node:crypto'
import * as assert from 'uvu/assert'
import { PackageName } from '../../src/composer/names.ts'
import { DomainEvent, type RecordedEvent } from '../../src/events/types.ts'
import { createKeptAnswers } from '../../src/projector/kept-answers.ts'
import { Instant } from '../../src/time-machine/instant.ts'
import { createClock } from '../support/clock.ts'
import { describe } from '../support/suite.ts'

const log = PackageName.parse('acme/log')
const http = PackageName.parse('acme/http')
const written = { actor: 'admin', requestId: 'a-request' }
const at = '2026-06-01T00:00:00.000000Z'
const sha256 = 'ab'.repeat(32)

function recorded(type: DomainEvent['type'], data: object): RecordedEvent {
  const event = DomainEvent.parse({ type, data })
  const recordedAt = Instant.parse(at)
  return { ...event, id: randomUUID(), position: 1n, stream: 'any', version: 1, recordedAt }
}

const blocked = (packageName: string) =>
  recorded('VersionsBlocked', { packageName, constraint: '*', ...written })

/** Answers with how often it was asked about a package; a test may hold the answers back. */
async function open() {
  const clock = createClock()
  const heard = { msAgo: 0 }
  const { keeping, keepingOne, keepingWhole, forget } = createKeptAnswers({
    now: clock.now,
    shownUntilMs: () => performance.now() - heard.msAgo,
  })
  const asked = new Map<PackageName, number>()
  let held: Promise<void> | undefined
  const ask = keeping(
    async ({ packageName }: { readonly packageName: PackageName }) => {
      const times = (asked.get(packageName) ?? 0) + 1
      asked.set(packageName, times)
      await held
      return { times }
    },
    ({ packageName }) => packageName,
  )
  let vendors = 0
  return {
    clock,
    heard,
    whole: keepingWhole<string>(),
    forget,
    vendors: keepingOne(async () => (vendors += 1)),
    times: async (packageName: PackageName) => (await ask({ packageName }))?.times,
    hold: () => {
      let release: () => void = () => undefined
      held = new Promise((resolve) => (release = resolve))
      return release
    },
  }
}

describe('kept answers', open, (test) => {
  test('are asked for once', async ({ times }) => {
    const first = await times(log)
    assert.is(await times(log), first)
  })

  test('are asked for again after an event of their package, and only theirs', async (context) => {
    const { times, forget } = context
    const [ofLog = 0, ofHttp] = [await times(log), await times(http)]
    forget([blocked('acme/log')])
    assert.is(await times(log), ofLog + 1)
    assert.is(await times(http), ofHttp)
  })

  for (const [type, data] of [
    ['MetadataChanged', { document: 'acme/log~dev', sha256, sizeBytes: 1, fetchedAt: at }],
    ['MetadataChanged', { document: 'filter-summary.json', sha256, sizeBytes: 1, fetchedAt: at }],
    ['ArchiveEvicted', { sha256, sizeBytes: 1, reason: 'purge' }],
    ['CachePurged', { archives: 0, sizeBytes: 0, documents: 0, ...written }],
  ] as const) {
    test(`are asked for again after ${type} of ${JSON.stringify(data).slice(0, 40)}`, async (context) => {
      const { times, forget } = context
      const before = (await times(log)) ?? 0
      forget([recorded(type, data)])
      assert.is(await times(log), before + 1)
    })
  }

  test('are asked for again after events that are not known', async ({ times, forget }) => {
    const before = (await times(log)) ?? 0
    forget(undefined)
    assert.is(await times(log), before + 1)
  })

  test('stay when archives are used', async ({ times, forget }) => {
    const before = await times(log)
    forget([recorded('ArchivesAccessed', { accesses: [] })])
    forget([])
    assert.is(await times(log), before)
  })

  test('are not kept when something happened while they were read', async (context) => {
    const { times, forget, hold } = context
    forget([blocked('acme/log')])
    const release = hold()
    const early = times(log)
    forget([blocked('acme/log')])
    release()
    const before = (await early) ?? 0
    assert.is(await times(log), before + 1)
  })

  test('are asked for each time while there are none', async () => {
    let asked = 0
    const { keeping } = createKeptAnswers({
      now: createClock().now,
      shownUntilMs: () => performance.now(),
    })
    const askNothing = async (): Promise<object | undefined> => {
      asked += 1
      return undefined
    }
    const ask = keeping(
      askNothing,
      ({ packageName }: { readonly packageName: PackageName }) => packageName,
    )
    await ask({ packageName: log })
    await ask({ packageName: log })
    assert.is(asked, 2)
  })

  test('of which there is one are asked for again after any event that may change them', async (context) => {
    const { vendors, forget } = context
    assert.equal([await vendors(), await vendors()], [1, 1])
    forget([recorded('ArchivesAccessed', { accesses: [] })])
    assert.is(await vendors(), 1)
    forget([blocked(log)])
    assert.equal([await vendors(), await vendors()], [2, 2])
    forget(undefined)
    assert.is(await vendors(), 3)
  })

  test('that are whole are kept until any event, and a second at most', async (context) => {
    const { whole, forget, clock } = context
    const keep = () => whole.begin()('/url', 'an answer')
    keep()
    assert.is(whole.get('/url'), 'an answer')
    assert.is(whole.get('/other'), undefined)
    forget([recorded('ArchivesAccessed', { accesses: [] })])
    clock.advance(1)
    assert.is(whole.get('/url'), 'an answer')
    for (const events of [[blocked('acme/other')], undefined]) {
      keep()
      forget(events)
      assert.is(whole.get('/url'), undefined)
    }
    keep()
    clock.advance(2)
    assert.is(whole.get('/url'), undefined)
  })

  test('are not given while nothing was heard of the log for a second', async (context) => {
    const { times, vendors, whole, heard } = context
    whole.begin()('/url', 'an answer')
    const [ofLog = 0, ofVendors] = [await times(log), await vendors()]
    heard.msAgo = 1_001
    assert.equal([await times(log), await vendors()], [ofLog + 1, ofVendors + 1])
    assert.is(whole.get('/url'), undefined)
    heard.msAgo = 900
    assert.is(whole.get('/url'), 'an answer')
    assert.is(await vendors(), ofVendors + 1)
  })

  test('that are whole are not kept when something happened while they were made', async (context) => {
    const { whole, forget } = context
    const keep = whole.begin()
    forget([blocked('acme/log')])
    keep('/early', 'an answer')
    assert.is(whole.get('/early'), undefined)
  })

  test('that are whole do not outlast the second in which they were begun', async (context) => {
    const { whole, clock } = context
    const keep = whole.begin()
    clock.advance(2)
    keep('/slow', 'an answer')
    assert.is(whole.get('/slow'), undefined)
  })
})
