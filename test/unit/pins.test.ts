import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import {
  compactInstant,
  Instant,
  parseMetadataTime,
  parsePin,
} from '../../src/time-machine/instant.ts'
import { describe } from '../support/suite.ts'

fc.configureGlobal({ seed: 20_240_501 })

const at = (text: string): Instant => Instant.parse(text)

function refusalOf(text: string): string {
  const pin = parsePin(text)
  return 'refusal' in pin ? pin.refusal : `accepted as ${pin.instant}`
}

describe(
  'pins',
  async () => ({}),
  (test) => {
    test('of a date are the last microsecond of that day, in UTC', () => {
      assert.equal(parsePin('2024-05-01'), { instant: '2024-05-01T23:59:59.999999Z' })
      assert.equal(parsePin('2024-02-29'), { instant: '2024-02-29T23:59:59.999999Z' })
      assert.equal(parsePin('9999-12-31'), { instant: '9999-12-31T23:59:59.999999Z' })
    })

    test('are read from RFC 3339 and from the compact form', () => {
      const noon = { instant: '2024-05-01T12:00:00.000000Z' }
      assert.equal(parsePin('2024-05-01T12:00:00Z'), noon)
      assert.equal(parsePin('2024-05-01T14:00:00+02:00'), noon)
      assert.equal(parsePin('20240501T120000Z'), noon)
      assert.equal(parsePin('20240501T120000.123456Z'), {
        instant: '2024-05-01T12:00:00.123456Z',
      })
    })

    test('have one compact form, with a fraction only when there is one', () => {
      assert.is(compactInstant(at('2024-05-01T12:00:00.000000Z')), '20240501T120000Z')
      assert.is(compactInstant(at('2024-05-01T12:00:00.000001Z')), '20240501T120000.000001Z')
      assert.is(compactInstant(at('2024-05-01T12:00:00.500000Z')), '20240501T120000.500000Z')
    })

    test('that lost the "+" of an offset are told what to write instead', () => {
      assert.match(refusalOf('2024-05-01T12:00:00 02:00'), '%2B')
      assert.match(refusalOf('2024-05-01T12:00:00.25 02:00'), '%2B')
    })

    test('without a time zone are told so', () => {
      for (const text of [
        '2024-05-01T12:00:00',
        '2024-05-01T12:00:00.5',
        '2024-05-01T12:00',
        '2024-05-01 12:00:00',
        '20240501T120000',
      ]) {
        assert.match(refusalOf(text), 'no zone', text)
      }
    })

    test('that do not exist are told so', () => {
      for (const text of [
        '2023-02-29',
        '1900-02-29',
        '2100-02-29',
        '2024-02-30',
        '2024-13-01',
        '2024-01-00',
        '1969-12-31',
        '0000-01-01',
        '2024-01-01T24:00:00Z',
        '2024-06-30T23:59:60Z',
        '2024-01-01T00:00:00+14:01',
        '20240230T000000Z',
        '20240101T240000Z',
      ]) {
        assert.match(refusalOf(text), 'no such moment', text)
      }
    })

    test('that are empty, too long or too fine are told so', () => {
      assert.match(refusalOf(''), 'is empty')
      assert.match(refusalOf(' '), 'is empty')
      assert.match(refusalOf(`2024-05-01${' '.repeat(55)}`), 'at most 64')
      assert.match(refusalOf('2'.repeat(10_240)), 'at most 64')
      assert.match(refusalOf('2024-05-01T12:00:00.1234567Z'), 'at most 6 digits')
      assert.match(refusalOf('20240501T120000.123456789Z'), 'at most 6 digits')
    })

    test('of every other class are refused with the forms that work', () => {
      for (const text of [
        'now',
        'yesterday',
        '1',
        '1714521600',
        '2024',
        '2024-05',
        '2024-5-1',
        '2024-W18-3',
        '2024-122',
        '20240501',
        '01.05.2024',
        '05/01/2024',
        '-2024-05-01',
        '+2024-05-01',
        '10000-01-01',
        '2024-05-01t12:00:00Z',
        '2024-05-01T12:00:00z',
        '20240501t120000Z',
        '2024-05-01T12:00:00 Z',
        '2024-05-01T12:00Z',
        '2024-05-01T12:00:00+0200',
        '2024-05-01T120000Z',
        '2024-05-01T10:00:00Z,2024-05-02',
        '2024-05-01\n',
        '٢٠٢٤-٠٥-٠١',
        '２０２４-05-01',
        '[object Object]',
      ]) {
        assert.match(refusalOf(text), "This isn't a date that can be read: write it as", text)
      }
    })

    test('never throw, and never repeat what was sent', () => {
      const likeADate = fc.string({
        unit: fc.constantFrom(...'0123456789-:.+ TZ<\u001b'.split('')),
        maxLength: 30,
      })
      fc.assert(
        fc.property(fc.oneof(fc.string({ unit: 'binary' }), likeADate), (text) => {
          const pin = parsePin(text)
          if ('instant' in pin) assert.ok(Instant.safeParse(pin.instant).success)
          else assert.not.match(pin.refusal, /[<\p{Cc}]/u)
        }),
        { numRuns: 1000 },
      )
    })
  },
)

describe(
  'times in metadata',
  async () => ({}),
  (test) => {
    test('are read in the forms that PHP writes them', () => {
      const expected = '2012-01-01T12:00:00.000000Z'
      for (const value of [
        '2012-01-01T12:00:00+00:00',
        '2012-01-01T14:00:00+02:00',
        '2012-01-01T12:00:00Z',
        '2012-01-01T12:00:00',
        '2012-01-01 12:00:00',
        '2012-01-01 12:00',
        '2012-01-01 12:00:00 UTC',
        '2012-01-01 14:00:00 +0200',
        '2012-01-01 07:00:00-05',
        '2012-01-01 12:00:00.0000009',
        '1325419200',
        1_325_419_200,
        1_325_419_200.75,
      ]) {
        assert.is(parseMetadataTime(value), expected, String(value))
      }
      assert.is(parseMetadataTime('2012-01-01'), '2012-01-01T00:00:00.000000Z')
      assert.is(parseMetadataTime('2012-01-01 12:00:00.25'), '2012-01-01T12:00:00.250000Z')
    })

    test('of any other kind count as not given', () => {
      for (const value of [
        undefined,
        null,
        true,
        '',
        'yesterday',
        '2012-02-30',
        '2012-01-01 25:00:00',
        '2012-01-01Z',
        '12:00:00',
        '-1',
        -1,
        Number.NaN,
        Infinity,
        '9'.repeat(30),
        '1'.repeat(100),
        ['2012-01-01'],
        { date: '2012-01-01' },
      ]) {
        assert.is(parseMetadataTime(value), undefined, JSON.stringify(value))
      }
    })

    test('do not depend on the time zone of the machine', () => {
      const zone = process.env['TZ']
      const values = ['2012-01-01 12:00:00', '2012-01-01', '2012-07-01T12:00:00', '1325419200']
      const read = () => values.map((value) => parseMetadataTime(value))
      const here = read()
      try {
        for (const elsewhere of ['Pacific/Kiritimati', 'America/New_York', 'UTC']) {
          process.env['TZ'] = elsewhere
          assert.equal(read(), here, elsewhere)
        }
      } finally {
        if (zone === undefined) delete process.env['TZ']
        else process.env['TZ'] = zone
      }
    })
  },
)
