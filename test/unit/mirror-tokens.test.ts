import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import {
  isReferenceToken,
  isVersionToken,
  referenceToken,
  versionToken,
} from '../../src/composer/mirror-tokens.ts'
import { describe } from '../support/suite.ts'

fc.configureGlobal({ seed: 20_240_501 })

describe(
  'mirror tokens',
  async () => ({}),
  (test) => {
    test('of a version are the version, or its MD5 when it holds a slash', () => {
      assert.is(versionToken('1.1.0.0'), '1.1.0.0')
      assert.is(versionToken('dev-main'), 'dev-main')
      // Recorded from Composer 2.5.5 and 2.11.
      assert.is(versionToken('dev-feature/foo'), 'f9a5a6bc91e51430dcbd566480ae6cf9')
    })

    test('of a reference are the reference when it is lower-case hex, else its MD5', () => {
      const commit = 'ad7c68d0b5f04ab1ba3f12a1b0b7b2a1f6a3d1e2'
      assert.is(referenceToken(commit), commit)
      assert.is(referenceToken('abc'), 'abc')
      assert.is(referenceToken('v1.0'), 'ff3e568a272ca876d331675fd3d5a6c2')
      assert.not.equal(referenceToken('ABC'), 'ABC')
      assert.match(referenceToken('ABC'), /^[0-9a-f]{32}$/)
    })

    test('of a missing reference are empty', () => {
      assert.is(referenceToken(null), '')
      assert.is(referenceToken(undefined), '')
      assert.is(referenceToken(''), '')
    })

    test('are recognised when they come back in a URL', () => {
      fc.assert(
        fc.property(fc.stringMatching(/^[a-z0-9./_-]{3,80}$/), (text) => {
          assert.ok(isVersionToken(versionToken(text)), text)
          assert.ok(isReferenceToken(referenceToken(text)), text)
        }),
      )
    })

    test('that could mean something else in a path are refused', () => {
      for (const text of [
        '',
        '.',
        '..',
        'a/b',
        'a\\b',
        'a%2fb',
        'dev-x\n',
        'a\0',
        'a\u007f',
        'a\u0085',
        'a'.repeat(201),
      ]) {
        assert.not(isVersionToken(text), JSON.stringify(text))
      }
      for (const text of ['ABC', 'xyz', '..', 'a/b', 'abc\n', 'a'.repeat(129)]) {
        assert.not(isReferenceToken(text), JSON.stringify(text))
      }
      assert.ok(isVersionToken('a'.repeat(200)))
      assert.ok(isReferenceToken('a'.repeat(128)))
      assert.ok(isReferenceToken(''))
    })
  },
)
