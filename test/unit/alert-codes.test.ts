import * as assert from 'uvu/assert'
import { alertCodes, factCodes, isCondition } from '../../src/alerts/codes.ts'
import { upstreamFindings } from '../../src/alerts/conditions.ts'
import { ConditionCode } from '../../src/events/alert-types.ts'
import type { BreakerState } from '../../src/upstream/breaker.ts'
import { describe } from '../support/suite.ts'

const open = [{ code: 'upstream_failing', subject: 'https://one.example' } as const]

function unknownOf(breaker: BreakerState | undefined, mayBeAsked = true): number {
  const breakers = new Map(breaker === undefined ? [] : [['https://one.example', breaker]])
  return upstreamFindings(breakers, { open, mayBeAsked: () => mayBeAsked }).unknown.length
}

describe(
  'alerts',
  async () => ({}),
  (test) => {
    test('each say in a sentence what to do', () => {
      const codes = [...ConditionCode.options, ...factCodes]
      assert.equal(Object.keys(alertCodes).toSorted(), codes.toSorted())
      for (const { action } of Object.values(alertCodes)) assert.match(action, /^[A-Z][^.]+.*\.$/)
      assert.equal(codes.filter(isCondition), [...ConditionCode.options])
    })

    test('of an origin are not over before it is seen to be well, unless nobody may ask it', () => {
      const well: BreakerState = { state: 'closed', consecutiveFailures: 0, lastSuccessAtMs: 1 }
      assert.is(unknownOf(well), 0)
      assert.is(unknownOf(undefined), 1)
      assert.is(unknownOf({ state: 'closed', consecutiveFailures: 0 }), 1)
      assert.is(unknownOf({ ...well, consecutiveFailures: 1 }), 1)
      assert.is(unknownOf({ ...well, state: 'half_open' }), 1)
      assert.is(unknownOf(undefined, false), 0)
    })
  },
)
