import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { DocumentName, PackageName } from '../../src/composer/names.ts'
import type { Append } from '../../src/events/log.ts'
import { type DomainEvent, eventDataSizeBytesMax, type NewEvent } from '../../src/events/types.ts'
import {
  createFollowFeed,
  type FollowFeedOptions,
  type NamedChange,
} from '../../src/metadata/follow-feed.ts'
import type { FeedAnswer } from '../../src/upstream/change-feed.ts'
import { createClock } from '../support/clock.ts'
import { describe } from '../support/suite.ts'

type Page = Extract<DomainEvent, { readonly type: 'ChangeFeedRead' }>['data']

const until = 17_802_720_000_000
const seconds = 1_780_272_000

/** Follows a feed that answers with these, over read models that say what the options say. */
function createRig(answers: readonly FeedAnswer[], options: Partial<FollowFeedOptions> = {}) {
  const appended: Append[] = []
  const asked: (number | undefined)[] = []
  const fetched: string[] = []
  const pausesMs: number[] = []
  const levels: number[] = []
  const clock = createClock('2026-06-01T00:00:00Z')
  const stop = new AbortController()
  let last: { feed: string; until: number; readAt: ReturnType<typeof clock.now> } | undefined
  const follow = createFollowFeed({
    feedUrl: async () => 'https://packagist.example/changes.json',
    async readChangeFeed(_, since) {
      asked.push(since)
      return answers[asked.length - 1] ?? { outcome: 'none' }
    },
    stream: 'feed-packagist.example',
    followedFeed: async () => ({ streamVersion: appended.length, last }),
    news: async (changes) => changes,
    unseen: async () => [],
    lagging: async () => [],
    async refresh(document) {
      fetched.push(document)
      return { outcome: 'recorded', isShared: false }
    },
    log: {
      async append(append) {
        appended.push(append)
        for (const { feed, until: next, readAt } of pagesIn(append)) {
          last = { feed, until: next, readAt }
        }
        return { outcome: 'appended', events: [] }
      },
      read: async () => [],
      readStream: async () => [],
      head: async () => 0n,
      positionAt: async () => 0n,
    },
    until: async () => {},
    now: clock.now,
    logger: pino({ level: 'info' }, { write: (line) => void levels.push(levelOf(line)) }),
    ...options,
  })
  return {
    step: async () =>
      await follow({ signal: stop.signal, pause: async (ms) => void pausesMs.push(ms) }),
    appended,
    asked,
    fetched,
    pausesMs,
    levels,
    clock,
    stop,
  }
}

function levelOf(line: string): number {
  return (JSON.parse(line) as { level: number }).level
}

function pagesIn({ events }: { readonly events: readonly NewEvent[] }): readonly Page[] {
  return events.flatMap((event) => (event.type === 'ChangeFeedRead' ? [event.data] : []))
}

function pageOf(updated: readonly string[], deleted: readonly string[] = []): FeedAnswer {
  const actions = [
    ...updated.map((name) => {
      return { type: 'update' as const, document: DocumentName.parse(name), atSeconds: seconds }
    }),
    ...deleted.map((name) => {
      return { type: 'delete' as const, packageName: PackageName.parse(name), atSeconds: seconds }
    }),
  ]
  return { outcome: 'page', since: 0, until, actions, resync: false, droppedActions: 0 }
}

const begin: FeedAnswer = { outcome: 'bootstrap', until }

describe(
  'a step along the feed',
  async () => ({}),
  (test) => {
    test('records a page in as many events as its names take, all or none', async () => {
      const names = Array.from(
        { length: 3000 },
        (_, n) => `${'v'.repeat(90)}/${'p'.repeat(90)}-${n}`,
      )
      const { step, appended } = createRig([begin, pageOf(names)])
      await step()
      await step()
      assert.is(appended.length, 2)
      const pages = appended.slice(1).flatMap(pagesIn)
      assert.ok(pages.length > 10)
      for (const page of pages) {
        assert.ok(Buffer.byteLength(JSON.stringify(page)) <= eventDataSizeBytesMax)
      }
      assert.equal(
        pages.flatMap(({ changed }) => changed.map(({ document }) => document as string)),
        names,
      )
      assert.equal(
        pages.map(({ more }) => more),
        pages.map((_, index) => (index < pages.length - 1 ? true : undefined)),
        'only the last one completes it',
      )
    })

    test('names a deleted package once, and means both of its documents', async () => {
      const named: NamedChange[] = []
      const { step, appended } = createRig([begin, pageOf([], ['beta/text'])], {
        async news(changes) {
          named.push(...changes)
          return changes
        },
      })
      await step()
      await step()
      assert.equal(
        named.map(({ document, change }) => [document, change]),
        [
          ['beta/text', 'delete'],
          ['beta/text~dev', 'delete'],
        ],
      )
      const [page] = appended.slice(1).flatMap(pagesIn)
      assert.equal(
        page?.deleted.map(({ packageName }) => packageName),
        ['beta/text'],
      )
      assert.equal(page?.changed, [])
    })

    test('begins each page two minutes before the end of the last', async () => {
      const { step, asked } = createRig([begin, pageOf([])])
      await step()
      await step()
      assert.equal(asked, [undefined, until - 120 * 10_000])
    })

    test('begins anew after another feed', async () => {
      const readAt = createClock().now()
      const { step, asked } = createRig([begin], {
        followedFeed: async () => ({
          streamVersion: 7,
          last: { feed: 'https://elsewhere.example/changes.json', until, readAt },
        }),
      })
      await step()
      assert.equal(asked, [undefined])
    })

    test('does not believe a page that spans a day', async () => {
      const { step, appended, clock } = createRig([begin, pageOf([]), pageOf(['acme/log'])])
      await step()
      clock.advance(24 * 3600 - 1)
      await step()
      clock.advance(24 * 3600)
      await step()
      assert.equal(
        appended.flatMap(pagesIn).map(({ resync, changed }) => [resync, changed.length]),
        [
          [true, 0],
          [false, 0],
          [true, 0],
        ],
      )
    })

    test('asks servers that are behind three times more, two seconds apart', async () => {
      const behind = DocumentName.parse('acme/log')
      const { step, fetched, pausesMs } = createRig([begin, pageOf(['acme/log', 'beta/text'])], {
        unseen: async () => [behind, DocumentName.parse('beta/text')],
        lagging: async () => [behind],
      })
      await step()
      assert.equal(fetched, ['acme/log', 'beta/text'], 'what an older page named, once')
      await step()
      assert.equal(fetched.slice(2), ['acme/log', 'beta/text', 'acme/log', 'acme/log', 'acme/log'])
      assert.equal(pausesMs, [2000, 2000, 2000])
    })

    test('ends when upstream is given time to recover', async () => {
      const documents = Array.from({ length: 50 }, (_, n) => DocumentName.parse(`acme/p${n}`))
      let asked = 0
      const { step, pausesMs } = createRig([begin], {
        unseen: async () => documents,
        lagging: async () => documents,
        async refresh() {
          asked += 1
          return { outcome: 'paused', retryAfterSeconds: 60 }
        },
      })
      await step()
      assert.ok(asked <= 5, `${asked} were asked for`)
      assert.equal(pausesMs, [])
    })

    test('ends when this node does', async () => {
      const documents = Array.from({ length: 50 }, (_, n) => DocumentName.parse(`acme/p${n}`))
      let asked = 0
      const { step, stop } = createRig([begin], {
        unseen: async () => documents,
        async refresh() {
          asked += 1
          stop.abort()
          return { outcome: 'recorded', isShared: false }
        },
      })
      await step()
      assert.ok(asked <= 5, `${asked} were asked for`)
    })

    test('goes on past a document that can not be recorded, but not past many', async () => {
      const documents = Array.from({ length: 50 }, (_, n) => DocumentName.parse(`acme/p${n}`))
      for (const [bad, expected] of [
        [1, 50],
        [50, 9],
      ] as const) {
        let asked = 0
        const { step, levels } = createRig([begin], {
          unseen: async () => documents,
          async refresh(document) {
            asked += 1
            if (documents.indexOf(document) < bad) throw new Error('a bug')
            return { outcome: 'recorded', isShared: false }
          },
        })
        await step()
        assert.ok(bad === 1 ? asked === expected : asked <= expected, `${asked} were asked for`)
        assert.ok(levels.includes(50))
      }
    })

    test('says once that the feed fails, and that it is back', async () => {
      const failed: FeedAnswer = { outcome: 'failed', reason: 'timeout' }
      const { step, levels, appended } = createRig([begin, failed, failed, pageOf([]), failed])
      for (let steps = 0; steps < 5; steps++) await step()
      assert.equal(levels, [40, 30, 40])
      assert.is(appended.length, 2)
    })
  },
)
