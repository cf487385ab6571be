import * as assert from 'uvu/assert'
import { createBreaker } from '../../src/upstream/breaker.ts'
import { describe } from '../support/suite.ts'

function rig() {
  let nowMs = Date.parse('2026-06-01T00:00:00Z')
  const breaker = createBreaker({ now: () => nowMs, random: () => 0 })
  return { breaker, advance: (ms: number) => void (nowMs += ms) }
}

describe(
  'a breaker, of silence and of single places,',
  async () => ({}),
  (test) => {
    test('leaves alone for half a minute an origin of which nothing came in time', () => {
      const { breaker, advance } = rig()
      const first = breaker.begin('/a')
      advance(4_500)
      first.failed('timeout')
      assert.is(breaker.waitMs(), 30_000)
      advance(30_000)
      breaker.begin('/b').failed('timeout')
      assert.is(breaker.waitMs(), 30_000)
    })

    test('opens for silence before that request has ended, and closes when it is answered', () => {
      const { breaker, advance } = rig()
      const slow = breaker.begin('/slow')
      advance(4_500)
      slow.silent()
      assert.is(breaker.waitMs(), 30_000)
      assert.equal(breaker.state().lastCause, { cause: 'answer_timed_out' })
      advance(5_000)
      slow.answered()
      assert.is(breaker.waitMs(), undefined)
      slow.succeeded()
      assert.is(breaker.state().consecutiveFailures, 0)
    })

    test('stays closed for one slow place while others are answered', () => {
      const { breaker, advance } = rig()
      const slow = breaker.begin('/slow')
      advance(1_000)
      breaker.begin('/quick').succeeded()
      advance(4_000)
      slow.silent()
      slow.failed('timeout')
      assert.is(breaker.waitMs(), undefined)
      assert.is(breaker.state().consecutiveFailures, 1)
    })

    test('counts a place that answers with errors once, however often it is asked', () => {
      const { breaker } = rig()
      for (let time = 0; time < 1000; time++) breaker.begin('/one').failed('status')
      assert.is(breaker.waitMs(), undefined)
      for (const place of ['/two', '/three', '/four']) breaker.begin(place).failed('status')
      assert.is(breaker.waitMs(), undefined)
      breaker.begin('/five').failed('status')
      assert.is(breaker.waitMs(), 1000)
    })
  },
)
