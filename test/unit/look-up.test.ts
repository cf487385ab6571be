import * as assert from 'uvu/assert'
import { DocumentName } from '../../src/composer/names.ts'
import { AppError } from '../../src/errors.ts'
import { createLookUp, type LookUpOptions } from '../../src/metadata/look-up.ts'
import { createLookupBudget } from '../../src/metadata/lookup-budget.ts'
import { createClock } from '../support/clock.ts'
import { describe, rejection } from '../support/suite.ts'

const client = { key: 'address 192.0.2.1', hasToken: false }
const other = { key: 'address 192.0.2.2', hasToken: false }

/** Looks names up with an upstream that has those that begin with `there/`. */
function open(isUnlisted: LookUpOptions['nameLists']['isUnlisted'] = async () => false) {
  const clock = createClock()
  let asked = 0
  let events = 0
  const lookUp = createLookUp({
    async refresh(document, { mayRecord = () => true } = {}) {
      asked += 1
      if (document.startsWith('there/')) return { outcome: 'recorded', isShared: false }
      if (document.startsWith('shared/')) {
        return { outcome: 'unrecorded', answer: 'missing', isOverBudget: false, isShared: true }
      }
      const answer = { answer: 'missing', isOverBudget: true, isShared: false } as const
      if (!mayRecord()) return { outcome: 'unrecorded', ...answer }
      events += 1
      return { outcome: 'recorded', isShared: false }
    },
    nameLists: { isUnlisted, seen: async () => {} },
    isDoubted: async () => false,
    budget: createLookupBudget(clock.now),
    found: async (name) => (name.startsWith('there/') ? { lastModified: undefined } : undefined),
    now: clock.now,
  })
  async function lookUpAll(prefix: string, count: number, asking = { client }): Promise<void> {
    for (let index = 0; index < count; index++) {
      await lookUp(DocumentName.parse(`${prefix}-${index}`), asking)
    }
  }
  const counts = () => ({ asked, events })
  return { clock, lookUp, lookUpAll, counts }
}

describe(
  'looking up names that nobody has asked for',
  async () => ({}),
  (test) => {
    test('is free when upstream has them', async () => {
      const { lookUpAll, counts } = open()
      await lookUpAll('there/package', 5_000)
      assert.equal(counts(), { asked: 5_000, events: 0 })
    })

    test('is free for those who join when somebody else has upstream asked', async () => {
      const { lookUpAll, counts } = open()
      await lookUpAll('shared/package', 5_000)
      assert.equal(counts(), { asked: 5_000, events: 0 })
    })

    test('goes on, but is not recorded, when the client has had its share of the day', async () => {
      const { clock, lookUpAll, counts } = open()
      for (let hour = 0; hour < 3; hour++) {
        await lookUpAll(`made/hour-${hour}`, 1_000)
        clock.advance(3600)
      }
      assert.equal(counts(), { asked: 3_000, events: 2_000 })
      await lookUpAll('made/other', 1, { client: other })
      assert.is(counts().events, 2_001, 'another client has its own')
      clock.advance(86_400)
      await lookUpAll('made/tomorrow', 1)
      assert.is(counts().events, 2_002)
    })

    test('leaves some of the day to clients that took little', () => {
      const { clock } = open()
      const { mayRecord } = createLookupBudget(clock.now)
      const taken = (key: string | undefined) =>
        Array.from({ length: 2_500 }, () => mayRecord({ key, hasToken: false })).filter(Boolean)
      for (const host of [1, 2, 3, 4]) assert.is(taken(`address 192.0.2.${host}`).length, 2_000)
      assert.is(taken('address 192.0.2.5').length, 200)
      assert.is(taken('address 192.0.2.6').length, 200)
    })

    test('for the past is refused then, since the past is what is recorded', async () => {
      const { clock, lookUp, lookUpAll } = open()
      for (let hour = 0; hour < 2; hour++) {
        await lookUpAll(`made/hour-${hour}`, 1_000)
        clock.advance(3600)
      }
      const document = DocumentName.parse('made/up')
      await lookUp(document, { client })
      const asking = { client, isForThePast: true }
      const error = await rejection(lookUp(document, asking))
      assert.ok(error instanceof AppError)
      assert.is(error.code, 'allowance_used_up')
      assert.is(error.retryAfterSeconds, 22 * 3600)
      await lookUp(document, { client: other, isForThePast: true })
      await lookUp(document, { isForThePast: true })
    })

    test('is not remembered for more than a minute, nor without a limit', async () => {
      const { clock, lookUpAll, counts } = open()
      for (let hour = 0; hour < 2; hour++) {
        await lookUpAll(`made/hour-${hour}`, 1_000)
        clock.advance(3600)
      }
      const { asked } = counts()
      for (let time = 0; time < 3; time++) await lookUpAll('made/again', 1)
      assert.is(counts().asked, asked + 1)
      clock.advance(60)
      await lookUpAll('made/again', 1)
      assert.is(counts().asked, asked + 2)
    })

    test('asks nobody for what the list of names lacks, unless it is for the past', async () => {
      const { lookUp, counts } = open(async () => true)
      const document = DocumentName.parse('made/up')
      assert.equal(await lookUp(document, { client }), { outcome: 'known', answer: 'missing' })
      assert.equal(counts(), { asked: 0, events: 0 })
      await lookUp(document, { client, isForThePast: true })
      assert.equal(counts(), { asked: 1, events: 1 })
    })
  },
)
