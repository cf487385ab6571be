import * as assert from 'uvu/assert'
import { pauseMsOf } from '../../src/upstream/retry-after.ts'
import { describe } from '../support/suite.ts'

const nowMs = Date.parse('2026-06-01T00:00:00Z')

const limitUntil = (reset: number | string): Record<string, string> => ({
  'x-ratelimit-remaining': '0',
  'x-ratelimit-reset': String(reset),
})

describe(
  'how long an answer asks us to stay away',
  async () => ({}),
  (test) => {
    const second = 1000
    const hour = 3600 * second
    const cases: readonly [string, number, Record<string, string>, number | undefined][] = [
      ['429 that names no time: a minute', 429, {}, 60 * second],
      ['429 with seconds', 429, { 'retry-after': '120' }, 120 * second],
      ['429 with a date', 429, { 'retry-after': 'Mon, 01 Jun 2026 00:02:00 GMT' }, 120 * second],
      ['429 with a year: an hour', 429, { 'retry-after': '31536000' }, hour],
      ['429 with a far date', 429, { 'retry-after': 'Tue, 01 Jun 2027 00:00:00 GMT' }, hour],
      ['429 with digits without end', 429, { 'retry-after': '9'.repeat(400) }, hour],
      ['429 with 0: a second at least', 429, { 'retry-after': '0' }, second],
      [
        '429 with a date that is over',
        429,
        { 'retry-after': 'Sun, 31 May 2026 00:00:00 GMT' },
        second,
      ],
      ['429 with something else', 429, { 'retry-after': 'soon' }, 60 * second],
      ['429 with a negative number', 429, { 'retry-after': '-5' }, 60 * second],
      ['a limit that says when it is over', 403, limitUntil(nowMs / 1000 + 90), 90 * second],
      ['one that is over tomorrow', 403, limitUntil(nowMs / 1000 + 86_400), hour],
      ['one that was over before', 403, limitUntil(nowMs / 1000 - 5), second],
      ['one that says no time', 403, limitUntil('soon'), 60 * second],
      [
        'one that also says how long',
        403,
        { ...limitUntil(nowMs / 1000 + 90), 'retry-after': '7' },
        7 * second,
      ],
      ['503 with seconds', 503, { 'retry-after': '7' }, 7 * second],
      ['503 with a date', 503, { 'retry-after': 'Mon, 01 Jun 2026 00:00:30 GMT' }, 30 * second],
      ['503 that names no time', 503, {}, undefined],
      ['503 with something else', 503, { 'retry-after': 'soon' }, undefined],
      ['500 with seconds', 500, { 'retry-after': '7' }, undefined],
      ['403', 403, {}, undefined],
      ['403 with requests left', 403, { 'x-ratelimit-remaining': '12' }, undefined],
      ['403 with none left', 403, { 'x-ratelimit-remaining': '0' }, 60 * second],
      ['403 with seconds', 403, { 'retry-after': '30' }, 30 * second],
      ['200 with none left', 200, { 'x-ratelimit-remaining': '0' }, undefined],
      ['404', 404, { 'retry-after': '7' }, undefined],
    ]
    for (const [what, status, headers, expected] of cases) {
      test(what, () => {
        assert.is(pauseMsOf({ status, headers }, nowMs), expected)
      })
    }
  },
)
