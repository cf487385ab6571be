import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { addSeconds, type Instant, instantFromMs } from '../../src/time-machine/instant.ts'
import { renderedDate, servedDate } from '../../src/time-machine/served-date.ts'
import { describe } from '../support/suite.ts'

fc.configureGlobal({ seed: 20_240_501 })

const begin = Date.UTC(2026, 0, 1)
const at = (seconds: number): Instant => instantFromMs(begin + seconds * 1000)

describe(
  'the dates that clients revalidate by',
  async () => ({}),
  (test) => {
    test('are upstream’s, in whole seconds, unless they come too soon after the one before', () => {
      assert.is(servedDate(at(0.9), null), at(0))
      assert.is(servedDate(at(100), at(0)), at(100))
      assert.is(servedDate(at(1), at(0)), at(10))
      assert.is(servedDate(at(-100), at(0)), at(10))
    })

    test('never stand for two states, or for one state written in two ways', () => {
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 20 }), (upstreams) => {
          const dates: (Instant | undefined)[] = []
          let before: Instant | null = null
          for (const seconds of upstreams) {
            const served = servedDate(at(seconds), before)
            before = served
            dates.push(served)
            for (let number = 1; number <= 20; number++) dates.push(renderedDate(served, number))
          }
          const given = dates.filter((date) => date !== undefined)
          assert.is(new Set(given).size, given.length)
        }),
      )
    })

    test('are given up rather than shared, when there are too many ways', () => {
      assert.is(renderedDate(at(0), 9), addSeconds(at(0), 9))
      assert.is(renderedDate(at(0), 10), undefined)
    })
  },
)
