import * as assert from 'uvu/assert'
import {
  type ChosenState,
  confidenceOf,
  timeMachineHeader,
} from '../../src/time-machine/confidence.ts'
import { Instant } from '../../src/time-machine/instant.ts'
import { describe } from '../support/suite.ts'

/** An instant on one day, from its hour. */
const hour = (hours: number, microseconds = 0): Instant =>
  Instant.parse(
    `2024-05-01T${String(hours).padStart(2, '0')}:00:00.${String(microseconds).padStart(6, '0')}Z`,
  )

/** Upstream has it from 1:00, it is seen at 3:00, checked until 5:00. Asked for at 4:00. */
const state: ChosenState = {
  at: hour(4),
  settled: true,
  observedAt: hour(3),
  lastModified: hour(1),
  verifiedUntil: hour(5),
  next: undefined,
}

describe(
  'confidence',
  async () => ({}),
  (test) => {
    test('is exact from the observation to the last verification, both included', () => {
      for (const at of [hour(3), hour(4), hour(5)])
        assert.is(confidenceOf({ ...state, at }), 'exact')
    })

    test('is carried after the last verification, while upstream is not known to have moved', () => {
      const at = hour(5, 1)
      assert.is(confidenceOf({ ...state, at }), 'carried')
      assert.is(
        confidenceOf({ ...state, at, next: { lastModified: undefined, isSame: false } }),
        'carried',
      )
      assert.is(
        confidenceOf({ ...state, at, next: { lastModified: hour(5, 2), isSame: false } }),
        'carried',
      )
    })

    test('is stale once upstream had moved on, from that instant', () => {
      const next = { lastModified: hour(6), isSame: false }
      assert.is(confidenceOf({ ...state, next, at: hour(6) }), 'stale')
      assert.is(confidenceOf({ ...state, next, at: hour(7) }), 'stale')
      // Verified is verified: upstream's clock may run ahead of ours.
      const isBack = { lastModified: hour(7), isSame: true }
      assert.is(confidenceOf({ ...state, at: hour(7), next: isBack }), 'exact', 'the same bytes')
      assert.is(confidenceOf({ ...state, at: hour(6), next: isBack }), 'carried')
      assert.is(confidenceOf({ ...state, next: { lastModified: hour(4), isSame: false } }), 'exact')
    })

    test('is unsettled while an event may still land at or before the instant', () => {
      for (const at of [hour(3), hour(4), hour(9)]) {
        assert.is(confidenceOf({ ...state, at, settled: false }), 'unsettled')
      }
    })

    test('before the first observation is exact as far back as upstream says', () => {
      for (const settled of [true, false]) {
        assert.is(confidenceOf({ ...state, settled, at: hour(1) }), 'exact')
        assert.is(confidenceOf({ ...state, settled, at: hour(2, 999_999) }), 'exact')
      }
    })

    test('before that is reconstructed, settled or not', () => {
      for (const settled of [true, false]) {
        assert.is(confidenceOf({ ...state, settled, at: hour(0, 999_999) }), 'reconstructed')
        assert.is(
          confidenceOf({ ...state, settled, at: hour(2), lastModified: undefined }),
          'reconstructed',
        )
      }
    })

    test('is told in a header with its interval, fractions only where there are any', () => {
      assert.is(
        timeMachineHeader('exact', { since: hour(1), until: hour(5, 250_000) }),
        'exact; since=2024-05-01T01:00:00Z; until=2024-05-01T05:00:00.250000Z',
      )
    })

    test('… which never ends before it begins, whatever the clocks say', () => {
      assert.is(
        timeMachineHeader('exact', { since: hour(5, 250_000), until: hour(5) }),
        'exact; since=2024-05-01T05:00:00Z; until=2024-05-01T05:00:00Z',
      )
    })

    test('… and with what is not of then', () => {
      const interval = { since: hour(1), until: hour(5) }
      const said = 'since=2024-05-01T01:00:00Z; until=2024-05-01T05:00:00Z; advisories='
      assert.is(
        timeMachineHeader('carried', { ...interval, advisories: 'live' }),
        `carried; ${said}live`,
      )
      assert.is(
        timeMachineHeader('reconstructed', { ...interval, advisories: 'reported-by-then' }),
        `reconstructed; ${said}reported-by-then; unknown="abandoned, deleted versions, moved references, notices"`,
      )
    })
  },
)
