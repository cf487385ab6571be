import * as assert from 'uvu/assert'
import { possibleDate } from '../../src/time-machine/possible-date.ts'
import { createClock } from '../support/clock.ts'
import { describe } from '../support/suite.ts'

const at = (instant: string) => createClock(instant).now()
const toldAt = at('2026-06-01T00:00:00Z')

describe(
  'a date of upstream’s',
  async () => ({}),
  (test) => {
    for (const instant of [
      '1970-01-01T00:00:00Z',
      '2026-05-31T23:59:59Z',
      '2026-06-01T00:00:00Z',
      '2026-06-01T00:01:00Z',
    ]) {
      test(`can be ${instant} on 2026-06-01`, () => {
        assert.is(possibleDate(at(instant), toldAt), at(instant))
      })
    }

    for (const instant of [
      '2026-06-01T00:01:01Z',
      '2027-06-01T00:00:00Z',
      '9999-12-31T23:59:59Z',
    ]) {
      test(`can't be ${instant} then, so it counts as not given`, () => {
        assert.is(possibleDate(at(instant), toldAt), undefined)
      })
    }

    test('that isn’t given stays so', () => assert.is(possibleDate(undefined, toldAt), undefined))
  },
)
