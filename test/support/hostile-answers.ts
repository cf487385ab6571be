import * as fc from 'fast-check'

/**
 * What an upstream may send, as far from the usual as one can think of: texts that no database or PHP takes or that are
 * as long as they may be and longer, dates, numbers and names that can't be. Mostly good all the same: what is bad at
 * the first look never comes to the read models.
 */

const oddities = [
  '\0',
  'a\0b',
  '\ud800',
  '\udfff\ud800',
  '\u{1F600}',
  '\u{10FFFF}',
  '\u212A',
  '\u202E',
  '\x1b[2J',
  '%package%',
  '%reference%%type%%version%',
  '..',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  '__unset',
  "';drop",
  '{1,2}',
  '\\',
  '"',
  '-x',
] as const

/** Limits that texts have somewhere, in code or in an index of PostgreSQL, and one past each. */
const lengths = [1, 20, 21, 100, 199, 200, 255, 256, 500, 501, 2_000, 2_001, 2_704, 4_001, 20_000]

export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...oddities),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc
    .record({
      unit: fc.constantFrom('a', '9', '\u4E00', '\u{1F600}', ...oddities),
      length: fc.constantFrom(...lengths),
    })
    .map(({ unit, length }) => unit.repeat(Math.ceil(length / unit.length)).slice(0, length)),
)

/** As long as is taken, and with as many bytes to a character as there can be. */
const longText = fc
  .record({
    unit: fc.constantFrom('a', 'f', '\u4E00', '\u{1F600}', '%package%'),
    odd: fc.constantFrom('', '\ud800'),
  })
  .map(({ unit, odd }) => odd + unit.repeat(255).slice(0, 255 - odd.length))

const hostileNumber = fc.constantFrom(0, -1, 1.5, 2 ** 31, 2 ** 53, 1e20, 253_402_300_799, 1e308)

const anything = fc.oneof(
  hostileText,
  hostileNumber,
  fc.constantFrom(null, true, [], {}, [[[]]], { a: { b: 1 } }),
)

/** Mostly what is good. */
function mostly<Good>(
  good: fc.Arbitrary<Good>,
  odd: fc.Arbitrary<unknown> = anything,
): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 10, arbitrary: good }, { weight: 1, arbitrary: odd })
}

/** Of the header, by the second of the answer. */
export const hostileLastModified: fc.Arbitrary<(nowMs: number) => string | undefined> = fc.oneof(
  fc.integer({ min: -1e9, max: 59 }).map((seconds) => dated((nowMs) => nowMs + seconds * 1000)),
  fc.constantFrom(61, 3_600, 1e9).map((seconds) => dated((nowMs) => nowMs + seconds * 1000)),
  fc.constantFrom(0, Date.UTC(9999, 11, 31, 23, 59, 59)).map((ms) => dated(() => ms)),
  fc
    .constantFrom(
      undefined,
      '',
      '0',
      'tomorrow',
      'Fri, 31 Dec 9999 23:59:60 GMT',
      'Sat, 01 Jan 0000 00:00:00 GMT',
      'Fri, 31 Dec 10000 23:59:59 GMT',
      'Sunday, 06-Nov-94 08:49:37 GMT',
    )
    .map((text) => () => text),
)

function dated(ms: (nowMs: number) => number) {
  return (nowMs: number) => new Date(ms(nowMs)).toUTCString()
}

const hostileTime = fc.constantFrom<unknown>(
  '2026-01-01T00:00:00+00:00',
  '9999-12-31T23:59:59-14:00',
  '0000-00-00 00:00:00',
  '-1',
  '99999999999999999999999999',
  253_402_300_799,
  1e308,
  null,
)

const numbers = fc.constantFrom('1.0.0', '1.1.0', '2.0.0', '3.0.0-RC1')
const branch = fc.oneof(
  fc.constantFrom('dev-main', '1.x-dev'),
  hostileText.map((text) => `dev-${text}`),
  longText.map((text) => `dev-${text}`.slice(0, 255)),
)
/** Of which archives are asked for. */
export const commits = ['a', 'b', '0'].map((digit) => digit.repeat(40))
const commit = fc.oneof(fc.constantFrom(...commits), longText)

/** What may be odd about a version, one thing at a time. */
const oddity: fc.Arbitrary<Record<string, unknown>> = fc.oneof(
  only('name', anything),
  only('version', fc.oneof(branch, numbers, anything)),
  only('version_normalized', fc.oneof(branch, numbers, anything)),
  only('time', hostileTime),
  only('published-time', hostileTime),
  only('source', fc.record({ type: hostileText, url: hostileText, reference: commit })),
  only('dist', anything),
  only(
    'require',
    fc.dictionary(hostileText, fc.oneof(hostileText, branch), { minKeys: 1, maxKeys: 3 }),
  ),
  only('extra', anything),
)

/** The same of its dist. */
const distOddity: fc.Arbitrary<Record<string, unknown>> = fc.oneof(
  only('type', fc.oneof(longText, anything)),
  only('url', fc.oneof(fc.constant('%package%'.repeat(220)), longText, anything)),
  only('reference', fc.oneof(longText, anything)),
  only('shasum', fc.oneof(longText, anything)),
)

function only(key: string, value: fc.Arbitrary<unknown>): fc.Arbitrary<Record<string, unknown>> {
  return value.map((odd) => ({ [key]: odd }))
}

/** @param distUrl of archives that there are. */
function hostileVersion(name: string, distUrl: string): fc.Arbitrary<Record<string, unknown>> {
  return fc
    .record({
      good: goodVersion(name, distUrl),
      odd: fc.array(oddity, { maxLength: 2 }),
      oddDist: fc.array(distOddity, { maxLength: 1 }),
    })
    .map(
      ({ good: { dist, ...good }, odd, oddDist }) =>
        Object.assign(
          { ...good, dist: Object.assign({}, dist, ...oddDist) },
          ...odd,
        ) as typeof good, // of its parts
    )
}

/** A version with nothing wrong, of one of the commits that are asked for. */
function goodVersion(name: string, url: string): fc.Arbitrary<Record<string, unknown>> {
  return fc
    .record({
      version: fc.constantFrom('1.0.0', 'dev-main'),
      reference: fc.constantFrom(...commits),
    })
    .map(({ version, reference }) => ({
      name,
      version,
      version_normalized: version === '1.0.0' ? '1.0.0.0' : version,
      dist: { type: 'zip', url, reference, shasum: '' },
    }))
}

/** Numbers that JSON can say and JavaScript can't write. */
function withRawNumbers(json: string): string {
  return json.replaceAll('1e+308', '1e999').replaceAll('100000000000000000000', '-0.1E-999')
}

export interface Hosts {
  /** `vendor/name` that is asked for. */
  readonly name: string
  readonly distUrl: string
}

export function hostileDocument({ name, distUrl }: Hosts): fc.Arbitrary<string> {
  const version = hostileVersion(name, distUrl)
  const versions = fc.array(version, { minLength: 1, maxLength: 6 })
  return fc
    .record({
      versions,
      form: fc.constantFrom('list', 'list', 'list', 'object', 'others'),
      top: fc.dictionary(hostileText, anything, { maxKeys: 1 }),
      minified: fc.constantFrom(undefined, undefined, 'composer/2.0'),
    })
    .map(({ versions: each, form, top, minified }) => {
      const sent = form === 'object' ? Object.fromEntries(each.entries()) : each
      const others = form === 'others' ? { 'acme/other': each } : {}
      return withRawNumbers(
        JSON.stringify({ ...top, minified, packages: { ...others, [name]: sent } }),
      )
    })
}

export const hostileSummary: fc.Arbitrary<string> = fc
  .dictionary(
    fc.oneof(fc.constantFrom('acme/log', 'acme/http', '__proto__'), hostileText),
    mostly(
      fc
        .array(fc.oneof(numbers, branch, hostileText), { minLength: 1, maxLength: 4 })
        .map((parts) => parts.join('|')),
    ),
    { maxKeys: 5 },
  )
  .map((malware) => JSON.stringify({ filter: { malware } }))

/** By the second of the answer. */
export function hostilePage(names: readonly string[]): fc.Arbitrary<(nowMs: number) => string> {
  const secondsAway = fc.oneof(
    fc.integer({ min: -1_000, max: 59 }),
    fc.constantFrom(61, 1e9, -1e12, 2e11),
  )
  const action = fc.record({
    type: mostly(fc.constantFrom('update', 'update', 'delete', 'resync', 'other')),
    package: mostly(fc.constantFrom(...names), hostileText),
    at: fc.option(secondsAway),
    time: mostly(fc.constant(0)),
  })
  return fc
    .record({
      actions: mostly(fc.array(action, { maxLength: 8 })),
      ahead: mostly(fc.constant(0), fc.constantFrom(61, 1e9, -1e9, 2e11)),
    })
    .map(({ actions, ahead }) => (nowMs) => {
      const seconds = Math.floor(nowMs / 1000)
      const timestamp = typeof ahead === 'number' ? (seconds + ahead) * 10_000 : ahead
      const each = Array.isArray(actions)
        ? actions.map(({ at, time, ...rest }: { at: number | null; time: unknown }) => {
            return { ...rest, time: at === null ? time : seconds + at }
          })
        : actions
      return withRawNumbers(JSON.stringify({ timestamp, actions: each }))
    })
}

export const hostileRoot: fc.Arbitrary<string> = fc
  .record({
    'metadata-url': fc.constant('/p2/%package%.json'),
    'metadata-changes-url': mostly(
      fc.constant('/changes.json'),
      hostileText.map((text) => `/changes.json?${text}`),
    ),
    filter: mostly(fc.constant({ metadata: true, 'summary-url': '/summary.json' })),
    warning: mostly(fc.constant('Be careful.')),
  })
  .map((root) => JSON.stringify(root))

/** Of archives. */
export const hostileEtag = fc.constantFrom(
  undefined,
  '"1"',
  '"2"',
  'W/"3"',
  '"',
  `"${'x'.repeat(400)}"`,
)
