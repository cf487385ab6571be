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
      assert.is(problemOfVersion({ name, version: 'no version' })?.startsWith('version:'), true)
    })
  },
)
