import * as assert from 'uvu/assert'
import { problemOfVersion, problemsOfVersions } from '../../src/composer/loadable.ts'
import { expandVersions } from '../../src/composer/minify.ts'
import { describe } from '../support/suite.ts'

const name = 'acme/log'

describe(
  'versions that Composer can load',
  async () => ({}),
  (test) => {
    test('have what they share checked once, however many they are', () => {
      let looks = 0
      const looked = { ownKeys: (target: object) => (looks++, Reflect.ownKeys(target)) }
      const looksFor = (count: number) => {
        const require = new Proxy({ php: '^8.2', 'acme/base': '^1' }, looked)
        const others = Array.from({ length: count }, (_, patch) => ({
          version: `1.0.${patch + 1}`,
        }))
        looks = 0
        const versions = expandVersions([{ name, version: '1.0.0', require }, ...others])
        assert.is(problemsOfVersions(versions).size, 0)
        return looks
      }
      assert.ok(looksFor(1) > 0)
      assert.is(looksFor(2_000), looksFor(1))
    })

    test('are looked at as far as the first problem, however many there are', () => {
      let looks = 0
      const looked = { get: (target: object, key: string) => (looks++, Reflect.get(target, key)) }
      const source = { type: 'git', url: 'https://example.org/log.git', reference: 'a' }
      const dist = { type: 'zip', url: 'https://example.org/log.zip' }
      const links = Object.fromEntries(Array.from({ length: 50 }, (_, key) => [`a/b${key}`, '!']))
      const mirrors = Array.from({ length: 50 }, () => new Proxy({ url: '-x' }, looked))
      const require = new Proxy(links, looked)
      const looksAt = (part: object) => {
        looks = 0
        return problemOfVersion({ name, version: '1.0.0', ...part })
      }
      assert.is(
        looksAt({ source: { ...source, mirrors } })?.startsWith('source.mirrors.0.url:'),
        true,
      )
      assert.ok(looks < 10, `${looks}`)
      assert.is(looksAt({ dist: { ...dist, mirrors } })?.startsWith('dist.mirrors.0.url:'), true)
      assert.ok(looks < 10, `${looks}`)
      assert.is(looksAt({ require }), 'require.a/b0: not a constraint')
      assert.ok(looks < 10, `${looks}`)
    })

    test('are told from those with a problem, which those after them share until they say otherwise', () => {
      const bad = { name, version: '1.0.1', require: { php: 'no constraint!' } }
      const versions = expandVersions([
        { name, version: '1.0.0', require: { php: '^8' } },
        bad,
        { version: '1.0.2' },
        { version: '1.0.3', require: { php: '^8' } },
      ])
      assert.equal(
        versions.map((version) => problemsOfVersions(versions).get(version)),
        [undefined, ...Array(2).fill('require.php: not a constraint'), undefined],
      )
      assert.is(problemOfVersion(bad), 'require.php: not a constraint')
      assert.is(problemOfVersion({ ...bad, require: { php: 7 } })?.startsWith('require.php:'), true)
      assert.is(problemOfVersion({ ...bad, require: ['^8'] })?.startsWith('require:'), true)
      assert.is(problemOfVersion({ ...bad, require: [] }), undefined)
      assert.is(problemOfVersion({ name, version: 'no version' })?.startsWith('version:'), true)
    })
  },
)
