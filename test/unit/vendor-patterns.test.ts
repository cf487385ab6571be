import * as assert from 'uvu/assert'
import { matcherOf, patternsOfVendor } from '../../src/composer/vendor-patterns.ts'
import { describe } from '../support/suite.ts'

describe(
  'patterns of what is reserved',
  async () => ({}),
  (test) => {
    const patterns = ['acme', 'hidden-*', 'opened/log', 'opened/x-y']

    test('name all packages of a vendor, or single ones', () => {
      const isNamed = matcherOf(patterns)
      const named = ['acme/log', 'hidden-things/x', 'opened/log', 'opened/x-y']
      const others = [
        'acme-x/log',
        'hidden/x',
        'opened/logs',
        'opened/',
        'open/log',
        'log/opened',
        '',
      ]
      assert.equal(named.filter(isNamed), named)
      assert.equal(others.filter(isNamed), [])
    })

    test('name a vendor of which they name any package', () => {
      const vendors = ['acme', 'hidden-things', 'opened', 'open', 'log', 'beta']
      assert.equal(vendors.filter(matcherOf(patterns)), ['acme', 'hidden-things', 'opened'])
    })

    test('are those of a vendor, or of its packages', () => {
      assert.equal(patternsOfVendor(patterns, 'acme'), ['acme'])
      assert.equal(patternsOfVendor(patterns, 'hidden-things'), ['hidden-things'])
      assert.equal(patternsOfVendor(patterns, 'opened'), ['opened/log', 'opened/x-y'])
      assert.equal(patternsOfVendor(patterns, 'open'), [])
    })
  },
)
