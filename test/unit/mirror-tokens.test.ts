import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { referencesIn } from '../../src/composer/document-references.ts'
import {
  distTemplate,
  filledIn,
  isReferenceToken,
  isVersionToken,
  referenceToken,
  urlOfCommit,
  versionToken,
} from '../../src/composer/mirror-tokens.ts'
import { parsePackageName } from '../../src/composer/names.ts'
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

const commit = 'ad7c68d0b5f04ab1ba3f12a1b0b7b2a1f6a3d1e2'
const other = '0123456789abcdef0123456789abcdef01234567'

describe(
  'URLs of archives',
  async () => ({}),
  (test) => {
    test('are filled in as Composer does it', () => {
      const tokens = {
        package: 'acme/log',
        version: 'dev-$&',
        reference: commit,
        type: 'tar',
        prettyVersion: 'v1.0-$&',
      }
      assert.is(
        filledIn(distTemplate('https://proxy.test'), tokens),
        `https://proxy.test/dist-proxy/acme/log/dev-$&/${commit}.tar`,
      )
      assert.is(
        filledIn('https://host.test/%prettyVersion%/%version%.zip?%prettyVersion%', tokens),
        'https://host.test/v1.0-$&/dev-$&.zip?v1.0-$&',
      )
      const plain = 'https://host.test/a%2Fb/archive.zip?x=%20'
      assert.is(filledIn(plain, tokens), plain)
    })

    test('in a document are filled in with its version as written', () => {
      const version = {
        name: 'acme/log',
        version: 'v1.2.0',
        version_normalized: '1.2.0.0',
        dist: { type: 'zip', url: 'https://host.test/%prettyVersion%/%version%.zip' },
      }
      const body = Buffer.from(JSON.stringify({ packages: { 'acme/log': [version] } }))
      const packageName = parsePackageName('acme', 'log')
      assert.ok(packageName)
      const [reference] = referencesIn(body, packageName).references
      assert.is(reference?.url, 'https://host.test/v1.2.0/1.2.0.0.zip')
    })

    test('of another commit have that one in place of the one that is known', () => {
      for (const around of [
        ['https://api.github.test/repos/acme/log/zipball/', ''],
        ['https://gitlab.test/api/v4/projects/a%2Fb/repository/archive.zip?sha=', ''],
        ['https://git.test/acme/log/get/', '.zip'],
      ]) {
        const url = around.join(commit)
        assert.is(urlOfCommit({ url, reference: commit }, other), around.join(other))
        assert.is(urlOfCommit({ url, reference: commit }, 'abc'), around.join('abc'))
      }
    })

    test('of another commit are not guessed', () => {
      const url = `https://host.test/${commit}.zip`
      assert.is(
        urlOfCommit({ url: 'https://host.test/x.zip', reference: commit }, other),
        undefined,
      )
      assert.is(urlOfCommit({ url: `${url}?again=${commit}`, reference: commit }, other), undefined)
      assert.is(urlOfCommit({ url: 'https://host.test/1.zip', reference: '1' }, other), undefined)
      assert.is(urlOfCommit({ url, reference: null }, other), undefined)
      for (const odd of ['', 'abcg', commit.toUpperCase(), `${commit}0`, `../${commit.slice(3)}`]) {
        assert.is(urlOfCommit({ url, reference: commit }, odd), undefined, odd)
      }
    })
  },
)
