import * as assert from 'uvu/assert'
import { DocumentName } from '../../src/composer/names.ts'
import { eventDataSizeBytesMax } from '../../src/events/types.ts'
import type { NamedChange } from '../../src/metadata/follow-feed.ts'
import type { FeedAnswer } from '../../src/upstream/change-feed.ts'
import { createClock } from '../support/clock.ts'
import { begin, createRig, pageOf, pagesIn, until } from '../support/followed-feed.ts'
import { describe } from '../support/suite.ts'

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

    test('records news of more than 20,000 documents as a resync, which is one event', async () => {
      const names = Array.from({ length: 20_001 }, (_, n) => `vendor/package-${n}`)
      const { step, appended } = createRig([begin, pageOf(names.slice(1)), pageOf(names)])
      for (let steps = 0; steps < 3; steps++) await step()
      const [, known, more] = appended.map(pagesIn)
      assert.is(known?.flatMap(({ changed }) => changed).length, 20_000)
      assert.ok(known?.every(({ resync }) => !resync))
      assert.equal(
        more?.map(({ resync, changed }) => [resync, changed]),
        [[true, []]],
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

    test('takes what is named with a date far away to be there since the page was asked for', async () => {
      const far = pageOf(['acme/log'], ['beta/text'])
      const actions = far.actions.map((action) => ({ ...action, atSeconds: 253_402_300_799 }))
      const { step, appended, clock } = createRig([begin, { ...far, actions }])
      await step()
      await step()
      const [page] = appended.slice(1).flatMap(pagesIn)
      assert.equal(
        [page?.changed[0]?.changedAt, page?.deleted[0]?.deletedAt],
        [clock.now(), clock.now()],
      )
    })

    test('reads everything anew after a page that ended far ahead, by mistake or on purpose', async () => {
      const far = { ...begin, until: until + 1e15 }
      const { step, appended, asked } = createRig([far, pageOf(['acme/log'])])
      await step()
      await step()
      assert.equal(asked, [undefined, far.until - 120 * 10_000])
      assert.equal(
        appended.flatMap(pagesIn).map(({ resync }) => resync),
        [true, true],
      )
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
      const why = { cause: 'timeout', host: 'upstream' } as const
      const failed: FeedAnswer = { outcome: 'failed', reason: 'timeout', why }
      const { step, levels, appended } = createRig([begin, failed, failed, pageOf([]), failed])
      for (let steps = 0; steps < 5; steps++) await step()
      assert.equal(levels, [40, 30, 40])
      assert.is(appended.length, 2)
    })
  },
)
