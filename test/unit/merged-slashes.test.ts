import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { withMergedSlashes } from '../../src/http/merged-slashes.ts'
import { describe } from '../support/suite.ts'

const segment = fc.oneof(
  fc.constantFrom('p2', 'acme', '%2F', '..', '.', ':', 'http:', '@evil.test', '\\', ''),
  fc.stringMatching(/^[^/?#]{0,6}$/),
)
const query = fc.oneof(
  fc.constantFrom('', '?', '?at=2026-05-01//packages.json', '#//x', '?http://x//y'),
  fc.stringMatching(/^\?.{0,8}$/),
)

describe(
  'slashes that follow one another in a path',
  async () => ({}),
  (test) => {
    for (const [target, expected] of [
      ['//', '/'],
      ['//packages.json', '/packages.json'],
      ['///p2//acme////log.json', '/p2/acme/log.json'],
      ['/at//2026-05-01//p2/acme/log.json', '/at/2026-05-01/p2/acme/log.json'],
      ['//evil.test/packages.json', '/evil.test/packages.json'],
      ['/p2/acme//log.json?a=//b', '/p2/acme/log.json?a=//b'],
      ['/?at=2026-05-01//packages.json', '/?at=2026-05-01//packages.json'],
      ['/p2/acme%2F%2Flog.json//', '/p2/acme%2F%2Flog.json/'],
      ['http://host:80//p2//acme/log.json?a=//', 'http://host:80/p2/acme/log.json?a=//'],
      ['HTTPS://host', 'HTTPS://host'],
      ['http://host?a=//b/c', 'http://host?a=//b/c'],
      ['/http://host//x', '/http:/host/x'],
      ['*', '*'],
      ['', ''],
    ] as const) {
      test(`are one: ${JSON.stringify(target)}`, () => {
        assert.is(withMergedSlashes(target), expected)
      })
    }

    test('are one wherever they are, and nothing else is changed', () => {
      fc.assert(
        fc.property(fc.array(segment, { maxLength: 8 }), query, (segments, asked) => {
          const doubled = `/${segments.join('//')}`
          const merged = withMergedSlashes(doubled + asked)
          const path = merged.slice(0, merged.length - asked.length)
          assert.ok(merged.endsWith(asked), merged)
          assert.not.match(path, '//')
          assert.is(path.replaceAll('/', ''), doubled.replaceAll('/', ''))
          assert.is(withMergedSlashes(merged), merged)
        }),
        { numRuns: 2_000 },
      )
    })

    test('are one in a target as long as Node takes it, in time that grows with its length', () => {
      const begunMs = performance.now()
      assert.is(withMergedSlashes('/'.repeat(16_384)), '/')
      assert.is(withMergedSlashes('/a/'.repeat(5_000)).length, 10_001)
      assert.ok(performance.now() - begunMs < 100)
    })
  },
)
