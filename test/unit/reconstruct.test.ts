import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { parseDocument } from '../../src/composer/document.ts'
import { type JsonObject, minifyVersions } from '../../src/composer/minify.ts'
import { PackageName } from '../../src/composer/names.ts'
import { addSeconds, Instant, instantFromMs } from '../../src/time-machine/instant.ts'
import { reconstructDocument } from '../../src/time-machine/reconstruct.ts'
import { describe } from '../support/suite.ts'

fc.configureGlobal({ seed: 20_240_501 })

const name = PackageName.parse('acme/lib')
const end = Instant.parse('9999-12-31T23:59:59.999999Z')

const versions: readonly JsonObject[] = [
  { version: '3', license: ['MIT'], time: '2023-01-01T00:00:00+00:00', require: { php: '^8' } },
  { version: '2', license: ['MIT'], time: '2022-01-01T00:00:00+00:00', require: { php: '^8' } },
  { version: '1', license: ['MIT'], time: '2021-01-01T00:00:00+00:00' },
]

function documentOf(list: readonly JsonObject[] | JsonObject, minified = true): Buffer {
  const top = {
    ...(minified && { minified: 'composer/2.0' }),
    packages: { 'acme/lib': list },
    'security-advisories': [{ advisoryId: 'A-1', affectedVersions: '<2' }],
    filter: { malware: [] },
  }
  return Buffer.from(JSON.stringify(top))
}

function versionsIn(bytes: Buffer): readonly JsonObject[] {
  const result = parseDocument(bytes, name)
  if (!result.ok) throw new Error(result.problem)
  return result.document.versions
}

const namesAt = (bytes: Buffer, at: string): unknown[] =>
  versionsIn(reconstructDocument(bytes, name, Instant.parse(at))).map(({ version }) => version)

const anyPublication = fc.constantFrom<unknown>(
  undefined,
  null,
  'soon',
  '2020-01-01T00:00:00+00:00',
  '2021-06-01 12:00:00',
  '2022-06-01T12:00:00.000001Z',
  1_700_000_000,
)
const anyVersions = fc.array(
  fc.record(
    { time: anyPublication, 'published-time': anyPublication, extra: fc.nat(2), bin: fc.nat(2) },
    { requiredKeys: [] },
  ),
  { maxLength: 8 },
)
const anyMoment = fc
  .date({ min: new Date('2019-01-01'), max: new Date('2026-01-01'), noInvalidDate: true })
  .map((date) => instantFromMs(date.getTime()))

describe(
  'a reconstructed document',
  async () => ({}),
  (test) => {
    test('lacks what was published later, and its minified list is whole again', () => {
      const before = documentOf(minifyVersions(versions))
      const at = Instant.parse('2022-06-01T00:00:00.000000Z')
      const after = documentOf(minifyVersions(versions.slice(1)))
      assert.is(String(reconstructDocument(before, name, at)), String(after))
    })

    test('has what was published at that very microsecond, and nothing one later', () => {
      const bytes = documentOf(minifyVersions(versions))
      assert.equal(namesAt(bytes, '2022-01-01T00:00:00.000000Z'), ['2', '1'])
      assert.equal(namesAt(bytes, '2021-12-31T23:59:59.999999Z'), ['1'])
    })

    test('has an empty list when nothing was published yet', () => {
      const bytes = documentOf(minifyVersions(versions))
      const at = Instant.parse('2000-01-01T00:00:00.000000Z')
      assert.is(String(reconstructDocument(bytes, name, at)), String(documentOf([])))
    })

    test('believes published-time before time, and a time it can read before none', () => {
      const bytes = documentOf(
        [
          { version: 'late', time: '2020-01-01', 'published-time': '2023-01-01T00:00:00+00:00' },
          { version: 'early', time: '2023-01-01', 'published-time': '2020-01-01T00:00:00+00:00' },
          { version: 'odd', time: '2023-01-01', 'published-time': 'soon' },
          { version: 'silent' },
          { version: 'unreadable', time: 'soon' },
        ],
        false,
      )
      const at = '2021-01-01T00:00:00.000000Z'
      assert.equal(namesAt(bytes, at), ['early', 'silent', 'unreadable'])
    })

    test('is byte for byte the one passed in when nothing has to go', () => {
      // Spaces and escapes that JSON.stringify would write in another way.
      const bytes = Buffer.from('{ "packages": {"acme\\/lib": [{"time":"2020-01-01","n":1.0}]} }\n')
      assert.is(reconstructDocument(bytes, name, end), bytes)
    })

    test('says of no version that its package is abandoned: that has no date', () => {
      const told = versions.map((version) => ({ ...version, abandoned: 'acme/other' }))
      for (const at of [end, Instant.parse('2022-06-01T00:00:00.000000Z')]) {
        const bytes = reconstructDocument(documentOf(minifyVersions(told)), name, at)
        const expected = reconstructDocument(documentOf(minifyVersions(versions)), name, at)
        assert.is(String(bytes), String(expected))
      }
    })

    test('keeps an object of versions an object', () => {
      const [third = {}, second = {}, first = {}] = versions
      const bytes = documentOf({ three: third, two: second, one: first }, false)
      const at = Instant.parse('2022-06-01T00:00:00.000000Z')
      const expected = documentOf({ two: second, one: first }, false)
      assert.is(String(reconstructDocument(bytes, name, at)), String(expected))
    })

    test('of bytes that are no document is none', () => {
      assert.throws(
        () => reconstructDocument(Buffer.from('{}'), name, end),
        /not about the package/,
      )
    })

    test('has a part of the versions of any later one, in the same order', () => {
      fc.assert(
        fc.property(
          fc.tuple(anyVersions, fc.boolean(), anyMoment, fc.nat(100_000_000)),
          ([list, minified, earlier, seconds]) => {
            // Versions are told apart by their place, so that a part of them can be recognised.
            const placed = list.map((version, place) => ({ place, ...version }))
            const bytes = documentOf(minified ? minifyVersions(placed) : placed, minified)
            const at = (moment: Instant) =>
              versionsIn(reconstructDocument(bytes, name, moment)).map(({ place }) => place)
            const later = at(addSeconds(earlier, seconds))
            const kept = at(earlier)
            assert.equal(
              later.filter((place) => kept.includes(place)),
              kept,
            )
            assert.equal(
              at(end),
              placed.map(({ place }) => place),
            )
          },
        ),
        { numRuns: 300 },
      )
    })

    test('holds each kept version unchanged, and is the same bytes each time', () => {
      fc.assert(
        fc.property(fc.tuple(anyVersions, fc.boolean(), anyMoment), ([list, minified, at]) => {
          const placed = list.map((version, place) => ({ place, ...version }))
          const bytes = documentOf(minified ? minifyVersions(placed) : placed, minified)
          const whole = versionsIn(bytes)
          const once = reconstructDocument(bytes, name, at)
          for (const version of versionsIn(once)) {
            const original = whole.find(({ place }) => place === version['place'])
            assert.equal(JSON.parse(JSON.stringify(version)), JSON.parse(JSON.stringify(original)))
          }
          assert.ok(once.equals(reconstructDocument(bytes, name, at)))
          // What was inferred for a moment is also right for that moment.
          assert.ok(once.equals(reconstructDocument(once, name, at)))
        }),
        { numRuns: 300 },
      )
    })
  },
)
