import * as assert from 'uvu/assert'
import { wantedRange } from '../../src/http/ranges.ts'
import { describe } from '../support/suite.ts'

const etag = '"abc"'

describe(
  'ranges',
  async () => ({}),
  (test) => {
    for (const [range, expected] of [
      ['bytes=0-0', { from: 0, to: 1 }],
      ['bytes=0-99', { from: 0, to: 100 }],
      ['bytes=10-', { from: 10, to: 100 }],
      ['Bytes= 10-19 ', { from: 10, to: 20 }],
      ['bytes=99-99999999999999999999999', { from: 99, to: 100 }],
      ['bytes=-1', { from: 99, to: 100 }],
      ['bytes=-100', { from: 0, to: 100 }],
      ['bytes=-99999999999999999999999', { from: 0, to: 100 }],
      ['bytes=-0', 'unsatisfiable'],
      ['bytes=100-', 'unsatisfiable'],
      ['bytes=100-200', 'unsatisfiable'],
      ['bytes=99999999999999999999999-', 'unsatisfiable'],
      ['bytes=5-4', 'whole'],
      ['bytes=-', 'whole'],
      ['bytes=', 'whole'],
      ['bytes=0-1,5-6', 'whole'],
      ['bytes=0-1, -5', 'whole'],
      ['bytes=a-b', 'whole'],
      ['bytes=0x1-5', 'whole'],
      ['bytes=1.5-5', 'whole'],
      ['bytes=--5', 'whole'],
      ['items=0-1', 'whole'],
      ['', 'whole'],
    ] as const) {
      test(`"${range}" of 100 bytes is ${JSON.stringify(expected)}`, () => {
        assert.equal(wantedRange({ range }, { etag, sizeBytes: 100 }), expected)
      })
    }

    test('of nothing are unsatisfiable', () => {
      for (const range of ['bytes=0-', 'bytes=0-0', 'bytes=-1']) {
        assert.is(wantedRange({ range }, { etag, sizeBytes: 0 }), 'unsatisfiable')
      }
    })

    test('count only when If-Range, if there is one, is this very ETag', () => {
      const asked = (ifRange: string) =>
        wantedRange({ range: 'bytes=1-2', 'if-range': ifRange }, { etag, sizeBytes: 100 })
      assert.equal(asked('"abc"'), { from: 1, to: 3 })
      for (const other of ['"abd"', 'W/"abc"', 'abc', 'Mon, 01 Jun 2026 00:00:00 GMT', '']) {
        assert.is(asked(other), 'whole', other)
      }
    })
  },
)
