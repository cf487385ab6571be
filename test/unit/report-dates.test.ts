import * as assert from 'uvu/assert'
import { PackageName } from '../../src/composer/names.ts'
import { Instant } from '../../src/time-machine/instant.ts'
import { parseReportDates, reportDatesIn, reportedBy } from '../../src/time-machine/report-dates.ts'
import { withAdvisories } from '../../src/composer/security-advisories.ts'
import { hindsightIn } from '../../src/time-machine/reconstruct.ts'
import { describe } from '../support/suite.ts'

const packageName = PackageName.parse('acme/log')

function recordsOf(records: unknown): Buffer {
  return Buffer.from(JSON.stringify(records))
}

function datesIn(
  records: Buffer,
  advisoryIds: readonly string[],
): Readonly<Record<string, string>> {
  const dates = reportDatesIn(records, advisoryIds)
  assert.type(dates, 'string')
  return Object.fromEntries(parseReportDates(dates ?? ''))
}

function documentOf(advisories: unknown, versions: readonly object[] = [{ version: '1' }]): Buffer {
  const packages = { 'acme/log': versions }
  return Buffer.from(JSON.stringify({ packages, 'security-advisories': advisories, last: 1 }))
}

describe(
  'dates of advisories',
  async () => ({}),
  (test) => {
    for (const [reportedAt, date] of [
      ['2025-04-03T12:00:00+00:00', '2025-04-03T12:00:00.000000Z'],
      ['2025-04-03T12:00:00+02:00', '2025-04-03T10:00:00.000000Z'],
      ['2025-04-03 12:00:00', '2025-04-03T12:00:00.000000Z'],
      ['2025-04-03', '2025-04-03T00:00:00.000000Z'],
      [1_743_681_600, '2025-04-03T12:00:00.000000Z'],
      ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59.000000Z'],
      ['2025-02-30', undefined],
      ['soon', undefined],
      ['', undefined],
      ['-1', undefined],
      [-1, undefined],
      [1e300, undefined],
      ['1'.repeat(100_000), undefined],
      [null, undefined],
      [{ date: '2025-04-03' }, undefined],
    ] as const) {
      test(`${JSON.stringify(reportedAt).slice(0, 40)} is ${date ?? 'none'}`, () => {
        const dates = datesIn(recordsOf([{ advisoryId: 'A', reportedAt }]), ['A'])
        assert.equal(dates, date === undefined ? {} : { A: date })
      })
    }

    test('are of those asked about; the earlier of two counts; in one order', () => {
      const records = [
        { advisoryId: 'B', reportedAt: '2025-02-01' },
        { advisoryId: 'A', reportedAt: '2025-03-01' },
        { advisoryId: 'A', reportedAt: '2025-01-01' },
        { advisoryId: 'other', reportedAt: '2025-01-01' },
        { advisoryId: 7, reportedAt: '2025-01-01' },
        { advisoryId: '__proto__', reportedAt: '2025-05-01' },
        null,
        'B',
      ]
      const advisoryIds = ['A', 'B', 'C', '__proto__']
      const text = reportDatesIn(recordsOf(records), advisoryIds)
      assert.equal(JSON.parse(text ?? ''), [
        ['A', '2025-01-01T00:00:00.000000Z'],
        ['B', '2025-02-01T00:00:00.000000Z'],
        ['__proto__', '2025-05-01T00:00:00.000000Z'],
      ])
      assert.is(reportDatesIn(recordsOf(records.toReversed()), advisoryIds), text)
    })

    test('are none of no records, and not in what is past a limit', () => {
      assert.equal(datesIn(Buffer.from('[]'), ['A']), {})
      for (const records of [
        `${'['.repeat(100)}${']'.repeat(100)}`,
        `[${'0,'.repeat(300_000)}0]`,
        '{}',
        '',
      ]) {
        assert.is(reportDatesIn(Buffer.from(records), ['A']), undefined, records.slice(0, 40))
      }
    })
  },
)

describe(
  'a document',
  async () => ({}),
  (test) => {
    const text = '[["A","2025-01-01T00:00:00.000000Z"],["B","2025-02-01T00:00:00.000000Z"]]'
    const at = (by: string, advisories: unknown) =>
      reportedBy(documentOf(advisories), {
        packageName,
        dates: text,
        by: Instant.parse(`${by}T00:00:00.000000Z`),
      })
    const [a, b, c] = ['A', 'B', 'C'].map((advisoryId) => ({ advisoryId, affectedVersions: '<2' }))

    test('keeps the advisories that were reported by then, that very microsecond included', () => {
      assert.is(at('2024-12-31', [a, b, c]), '[]')
      assert.is(at('2025-01-01', [a, b, c]), JSON.stringify([a]))
      assert.is(at('2025-02-01', [c, b, a]), JSON.stringify([b, a]))
    })

    test('keeps none without a date, or without an id, and never the lack of a list for none', () => {
      assert.is(at('2026-01-01', [c, null, 'A', {}, { advisoryId: 7 }]), '[]')
      assert.is(at('2026-01-01', { x: a, y: c }), JSON.stringify({ x: a }))
      assert.is(at('2026-01-01', undefined), undefined)
    })

    test('with the same advisories stays the very bytes; others come in their place', () => {
      const bytes = documentOf([a])
      assert.is(withAdvisories(bytes, packageName, JSON.stringify([a])), bytes)
      const other = withAdvisories(bytes, packageName, '[]')
      assert.is(String(other), String(documentOf([])))
      assert.is(String(withAdvisories(other, packageName, JSON.stringify([a]))), String(bytes))
      assert.is(
        String(withAdvisories(bytes, packageName, undefined)),
        String(documentOf(undefined)),
      )
    })

    test('says what is of its own day, with a limit to ids', () => {
      const many = Array.from({ length: 10_001 }, (_, n) => ({ advisoryId: `A-${n}` }))
      const named = hindsightIn(documentOf([...many, many[0]]), packageName)
      assert.is(named.advisoryIds.length, 10_000)
      assert.equal(hindsightIn(documentOf([{ advisoryId: 'x'.repeat(256) }, 7]), packageName), {
        isAbandoned: false,
        isNamingAdvisories: true,
        advisoryIds: [],
      })
      for (const none of [undefined, [], {}, 'A', 7, null]) {
        assert.is(hindsightIn(documentOf(none), packageName).isNamingAdvisories, false)
      }
      const abandoned = documentOf([], [{ version: '1', abandoned: true }])
      assert.is(hindsightIn(abandoned, packageName).isAbandoned, true)
    })
  },
)
