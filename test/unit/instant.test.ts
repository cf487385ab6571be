import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import {
  addSeconds,
  compactInstant,
  floorToSecond,
  httpDate,
  Instant,
  instantFromDate,
  instantFromMs,
  msOfInstant,
  parseHttpDate,
  parseInstant,
  parsePin,
  trimmedInstant,
} from '../../src/time-machine/instant.ts'
import { describe } from '../support/suite.ts'

fc.configureGlobal({ seed: 20_240_501 })

const lastSecond = 253_402_300_799
const anyInstant = fc
  .tuple(fc.integer({ min: 0, max: lastSecond }), fc.integer({ min: 0, max: 999_999 }))
  .map(([seconds, microseconds]) => {
    const digits = new Date(seconds * 1000).toISOString().slice(0, 19)
    return Instant.parse(`${digits}.${String(microseconds).padStart(6, '0')}Z`)
  })

const at = (text: string): Instant => Instant.parse(text)

describe(
  'instants',
  async () => ({}),
  (test) => {
    test('have one spelling, and only for moments that exist', () => {
      assert.ok(Instant.safeParse('2024-02-29T23:59:59.999999Z').success)
      for (const text of [
        '2024-02-29T23:59:59Z',
        '2024-02-29T23:59:59.999Z',
        '2023-02-29T00:00:00.000000Z',
        '2024-01-01T24:00:00.000000Z',
        '2024-01-01T00:00:60.000000Z',
        '1969-12-31T23:59:59.999999Z',
        '2024-01-01T00:00:00.000000+00:00',
        '2024-01-01T00:00:00.000000Z\n',
      ]) {
        assert.not(Instant.safeParse(text).success, text)
      }
    })

    test('are ordered as texts as they are in time', () => {
      fc.assert(
        fc.property(anyInstant, anyInstant, (one, other) => {
          fc.pre(msOfInstant(one) !== msOfInstant(other))
          assert.is(one < other, msOfInstant(one) < msOfInstant(other))
        }),
      )
      const before = at('2024-12-31T23:59:59.999999Z')
      assert.ok(before < addSeconds(before, 0.000001))
    })

    test('are read from RFC 3339 in UTC, whatever the offset and the number of digits', () => {
      const expected = '2024-05-01T10:00:00.500000Z'
      assert.is(parseInstant('2024-05-01T10:00:00.5Z'), expected)
      assert.is(parseInstant('2024-05-01T12:00:00.500+02:00'), expected)
      assert.is(parseInstant('2024-04-30T20:00:00.500000-14:00'), expected)
      assert.is(parseInstant('2024-05-02T00:00:00.50+14:00'), expected)
      assert.is(parseInstant('1970-01-01T00:00:00Z'), '1970-01-01T00:00:00.000000Z')
      assert.is(parseInstant('2024-05-01T12:00:00-00:00'), '2024-05-01T12:00:00.000000Z')
    })

    test('survive being printed and read again', () => {
      fc.assert(
        fc.property(anyInstant, (instant) => {
          assert.is(parseInstant(instant), instant)
          assert.is(parseInstant(trimmedInstant(instant)), instant)
          assert.equal(parsePin(compactInstant(instant)), { instant })
          assert.equal(parsePin(trimmedInstant(instant)), { instant })
        }),
      )
    })

    test('are moved across the end of the year by an offset, but not out of the range', () => {
      assert.is(parseInstant('2023-12-31T23:30:00-01:00'), '2024-01-01T00:30:00.000000Z')
      assert.is(parseInstant('1969-12-31T23:30:00-01:00'), '1970-01-01T00:30:00.000000Z')
      assert.is(parseInstant('1970-01-01T00:30:00+01:00'), undefined)
      assert.is(parseInstant('9999-12-31T23:30:00-01:00'), undefined)
    })

    test('that do not exist are refused', () => {
      for (const text of [
        '2023-02-29T00:00:00Z',
        '2100-02-29T00:00:00Z',
        '2024-02-30T00:00:00Z',
        '2024-04-31T00:00:00Z',
        '2024-13-01T00:00:00Z',
        '2024-00-01T00:00:00Z',
        '2024-01-00T00:00:00Z',
        '2024-01-01T24:00:00Z',
        '2024-01-01T00:60:00Z',
        '2024-06-30T23:59:60Z',
        '2024-01-01T00:00:00+14:01',
        '2024-01-01T00:00:00-15:00',
        '2024-01-01T00:00:00+01:60',
      ]) {
        assert.is(parseInstant(text), undefined, text)
      }
      assert.ok(parseInstant('2024-02-29T00:00:00Z'))
      assert.ok(parseInstant('2000-02-29T00:00:00Z'))
    })

    test('in any other spelling are refused', () => {
      for (const text of [
        '',
        '2024-01-01',
        '2024-01-01 00:00:00Z',
        '2024-01-01T00:00:00',
        '2024-01-01t00:00:00Z',
        '2024-01-01T00:00:00z',
        '2024-01-01T00:00Z',
        '2024-01-01T00:00:00.Z',
        '2024-01-01T00:00:00,5Z',
        '2024-01-01T00:00:00.1234567Z',
        '2024-01-01T00:00:00+0200',
        '2024-01-01T00:00:00+02',
        '+02024-01-01T00:00:00Z',
        '-2024-01-01T00:00:00Z',
        '10000-01-01T00:00:00Z',
        ' 2024-01-01T00:00:00Z',
        '2024-01-01T00:00:00Z\n',
        '٢٠٢٤-01-01T00:00:00Z',
        '1714521600',
      ]) {
        assert.is(parseInstant(text), undefined, JSON.stringify(text))
      }
    })

    test('come from milliseconds and go back to them', () => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: lastSecond * 1000 }), (ms) => {
          assert.is(msOfInstant(instantFromMs(ms)), ms)
        }),
      )
      assert.is(instantFromMs(1.9), '1970-01-01T00:00:00.001000Z')
      assert.is(msOfInstant(at('1970-01-01T00:00:00.001999Z')), 1)
      assert.is(instantFromDate(new Date(0)), '1970-01-01T00:00:00.000000Z')
      for (const ms of [-1, Number.NaN, Infinity, (lastSecond + 1) * 1000]) {
        assert.throws(
          () => instantFromMs(ms),
          (error: unknown) => error instanceof RangeError,
        )
      }
    })

    test('can be moved by seconds and parts of seconds, to the microsecond', () => {
      const end = at('2023-12-31T23:59:59.999999Z')
      assert.is(addSeconds(end, 1), '2024-01-01T00:00:00.999999Z')
      assert.is(addSeconds(end, 0.000001), '2024-01-01T00:00:00.000000Z')
      assert.is(addSeconds(end, -0.999999), '2023-12-31T23:59:59.000000Z')
      assert.is(addSeconds(end, -300), '2023-12-31T23:54:59.999999Z')
      assert.throws(() => addSeconds(end, -1e12))
      assert.throws(() => addSeconds(end, Number.NaN))
      fc.assert(
        fc.property(anyInstant, fc.integer({ min: 0, max: 1e6 }), (instant, seconds) => {
          fc.pre(msOfInstant(instant) / 1000 + seconds < lastSecond)
          assert.is(addSeconds(addSeconds(instant, seconds), -seconds), instant)
        }),
      )
    })

    test('lose their fraction when floored', () => {
      assert.is(floorToSecond(at('2024-05-01T12:00:00.999999Z')), '2024-05-01T12:00:00.000000Z')
    })
  },
)

describe(
  'HTTP dates',
  async () => ({}),
  (test) => {
    test('are printed without a fraction and read back', () => {
      const instant = at('2024-06-01T12:00:00.999999Z')
      assert.is(httpDate(instant), 'Sat, 01 Jun 2024 12:00:00 GMT')
      fc.assert(
        fc.property(anyInstant, (any) => {
          assert.is(parseHttpDate(httpDate(any)), floorToSecond(any))
        }),
      )
    })

    test('in another form, or with a weekday that is not the day, are not read', () => {
      for (const text of [
        '',
        'Fri, 01 Jun 2024 12:00:00 GMT',
        'Sat, 1 Jun 2024 12:00:00 GMT',
        'Sat, 01 Jun 2024 12:00:00 UTC',
        'Sat, 01 Jun 2024 12:00:00 +0000',
        'sat, 01 jun 2024 12:00:00 gmt',
        'Sat, 01 Xxx 2024 12:00:00 GMT',
        'Thu, 30 Feb 2023 12:00:00 GMT',
        'Sat, 01 Jun 2024 24:00:00 GMT',
        'Sat, 01 Jun 2024 ::00:00: GMT',
        'Saturday, 01-Jun-24 12:00:00 GMT',
        'Sat Jun  1 12:00:00 2024',
        '2024-06-01T12:00:00Z',
      ]) {
        assert.is(parseHttpDate(text), undefined, text)
      }
    })
  },
)
