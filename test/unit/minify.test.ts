import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import {
  countExpandedKeys,
  expandVersions,
  type JsonObject,
  minifyVersions,
} from '../../src/composer/minify.ts'
import { describe } from '../support/suite.ts'

fc.configureGlobal({ seed: 20_240_501 })

/** Few keys and few values, so that neighbours often have some in common. */
const anyVersions: fc.Arbitrary<JsonObject[]> = fc.array(
  fc.dictionary(
    fc.constantFrom('version', 'require', 'dist', '__proto__', 'constructor', '0', 'time'),
    fc.oneof(
      fc.constantFrom<unknown>(
        null,
        true,
        1,
        '',
        'a',
        [],
        {},
        ['a'],
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ),
      fc.jsonValue({ maxDepth: 3 }),
    ),
  ),
  { maxLength: 6 },
)

/** Compares as JSON does: prototypes don't count, and neither does the order of top-level keys. */
function sorted(versions: readonly JsonObject[]): string {
  return JSON.stringify(versions.map((version) => Object.entries(version).toSorted(byKey)))
}

function byKey([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : 1
}

const text = (value: unknown): string => JSON.stringify(value)

describe(
  'minified versions',
  async () => ({}),
  (test) => {
    const complete = [
      { name: 'a/b', version: '2.0.0', require: { php: '^8' }, extra: 'x' },
      { name: 'a/b', version: '1.0.0', require: { php: '^8' }, license: ['MIT'] },
      { name: 'a/b', version: '0.9.0', license: ['MIT'], extra: null },
    ]
    const minified = [
      { name: 'a/b', version: '2.0.0', require: { php: '^8' }, extra: 'x' },
      { version: '1.0.0', license: ['MIT'], extra: '__unset' },
      { version: '0.9.0', extra: null, require: '__unset' },
    ]

    test('hold what differs from the version before, in the order that PHP writes it', () => {
      assert.is(text(minifyVersions(complete)), text(minified))
    })

    test('are expanded to the complete ones', () => {
      assert.equal(JSON.parse(text(expandVersions(minified))), complete)
    })

    test('of an empty list are an empty list', () => {
      assert.equal(minifyVersions([]), [])
      assert.equal(expandVersions([]), [])
    })

    test('count a value with its keys in another order as another value', () => {
      const [one, other] = [{ require: { a: '1', b: '2' } }, { require: { b: '2', a: '1' } }]
      assert.is(text(minifyVersions([one, other])), text([one, other]))
      assert.is(text(minifyVersions([one, one])), text([one, {}]))
    })

    test('tell an empty list from an empty object', () => {
      assert.is(
        text(minifyVersions([{ require: [] }, { require: {} }])),
        '[{"require":[]},{"require":{}}]',
      )
    })

    test('leave "__unset" alone in the first version, which has none before it', () => {
      assert.is(text(expandVersions([{ extra: '__unset' }])), '[{"extra":"__unset"}]')
    })

    test('treat prototype names as data and leave prototypes alone', () => {
      const hostile: unknown = JSON.parse(
        '[{"version":"1"},{"version":"2","__proto__":{"polluted":1}}]',
      )
      assert.ok(Array.isArray(hostile))
      const expanded = expandVersions(hostile)
      assert.is(text(expanded), text(hostile))
      assert.is(text(minifyVersions(expanded)), text(hostile))
      assert.is(Object.getPrototypeOf(expanded[1]), Object.prototype)
      assert.is(Reflect.get({}, 'polluted'), undefined)
    })

    test('are counted before they are complete', () => {
      assert.is(countExpandedKeys(minified), 12)
      assert.is(countExpandedKeys([{ a: '__unset' }, {}, { a: '__unset' }, {}]), 2)
      fc.assert(
        fc.property(anyVersions, (versions) => {
          const keys = expandVersions(versions).flatMap((version) => Object.keys(version))
          assert.is(countExpandedKeys(versions), keys.length)
        }),
      )
    })

    test('that share a value have it compared once, however many they are', () => {
      let looks = 0
      const looked = { ownKeys: (target: object) => (looks++, Reflect.ownKeys(target)) }
      const dist = (url: string) => new Proxy({ type: 'zip', url }, looked)
      const shared = dist('https://dist.test')
      const many = Array.from({ length: 1_000 }, (_, version) => ({ version, dist: shared }))
      const differences = minifyVersions([
        { version: 'a', dist: dist('https://dist.test') },
        ...many,
      ])
      assert.is(differences.filter((difference) => 'dist' in difference).length, 1)
      assert.is(looks, 2, 'the two that are not the same one')
    })

    test('come back complete from minifying and expanding', () => {
      fc.assert(
        fc.property(anyVersions, (versions) => {
          assert.is(sorted(expandVersions(minifyVersions(versions))), sorted(versions))
        }),
        { numRuns: 1000 },
      )
    })

    test('are the same bytes again when expanded and minified twice', () => {
      fc.assert(
        fc.property(anyVersions, (versions) => {
          const once = minifyVersions(expandVersions(minifyVersions(versions)))
          assert.is(text(minifyVersions(expandVersions(once))), text(once))
        }),
        { numRuns: 1000 },
      )
    })

    test('are made without changing what was passed in', () => {
      fc.assert(
        fc.property(anyVersions, (versions) => {
          const before = text(versions)
          const small = minifyVersions(versions)
          const smallBefore = text(small)
          expandVersions(small)
          assert.is(text(versions), before)
          assert.is(text(small), smallBefore)
        }),
      )
    })
  },
)
