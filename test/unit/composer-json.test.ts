import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { parseComposerJson, problemOfComposerJson } from '../../src/composer/composer-json.ts'
import type { JsonObject } from '../../src/composer/minify.ts'
import { withVersion } from '../../src/composer/own-document.ts'
import { problemOfPublished, publishedVersion } from '../../src/composer/published-version.ts'
import { packageName, plain, publication, versionsIn, whole } from '../support/composer-json.ts'
import { describe } from '../support/suite.ts'

function problemOf(json: JsonObject): string | undefined {
  return problemOfComposerJson({ name: packageName, ...json }, packageName)
}

describe(
  'a composer.json',
  async () => ({}),
  (test) => {
    test('that uses all there is can be published', () => {
      assert.is(problemOf(whole), undefined)
      assert.is(problemOf({}), undefined)
      for (const key of Object.keys(whole)) assert.is(problemOf({ [key]: null }), undefined, key)
      const empty = { require: [], autoload: [], extra: [], support: [], suggest: [] }
      assert.is(problemOf(empty), undefined, 'an empty list is what PHP writes for no keys')
    })

    const cases: readonly (readonly [JsonObject, string])[] = [
      [{ description: 1 }, '`description` must be text'],
      [{ description: 'a\u001b[31m' }, '`description` must not have control characters'],
      [{ description: '\ud800' }, '`description` has half a character; write it whole'],
      [{ description: '__unset' }, '`description` must not be __unset'],
      [{ keywords: 'log' }, '`keywords` must be a list of texts'],
      [{ license: [1] }, '`license.0` must be text'],
      [{ license: 1 }, '`license` must be a text or a list of texts'],
      [{ authors: { name: 'A' } }, '`authors` must be a list of objects'],
      [{ authors: [{ name: ['A'] }] }, '`authors.0.name` must be text'],
      [{ type: 'a b' }, '`type` must have letters, digits and hyphens only'],
      [{ support: 'mail' }, '`support` must be an object of texts'],
      [{ support: { email: 1 } }, '`support.email` must be text'],
      [{ funding: [1] }, '`funding.0` must be an object'],
      [{ autoload: 'src' }, '`autoload` must be an object'],
      [{ autoload: { psr4: {} } }, '`autoload` must be an object'],
      [{ autoload: { 'psr-4': { Own: 'src' } } }, '`autoload.psr-4` must have namespaces that end'],
      [{ autoload: { 'psr-4': { 'Own\\': 1 } } }, '`autoload.psr-4.Own\\` must be a text'],
      [{ autoload: { files: [1] } }, '`autoload.files.0` must be text'],
      [{ extra: 'x' }, '`extra` must be an object'],
      [{ extra: { a: '\u0000' } }, '`extra.a` must not have control characters'],
      [{ extra: { a: [Number.POSITIVE_INFINITY] } }, '`extra.a.0` is too large a number'],
      [JSON.parse('{"extra": {"__proto__": 1}}') as JsonObject, '`extra` must not have a key with'],
      [{ extra: { 'branch-alias': { 'dev-main': '1.0' } } }, '`extra.branch-alias.dev-main` must'],
      [
        { extra: { 'branch-alias': { 'dev-main': 1 } } },
        '`extra.branch-alias.dev-main` must be te',
      ],
      [{ 'target-dir': '../x' }, '`target-dir` must be a path inside of the package'],
      [{ 'target-dir': 'x', autoload: { 'psr-4': { 'A\\': '' } } }, '`target-dir` must go'],
      [{ 'include-path': 'x' }, '`include-path` must be a list of texts'],
      [{ bin: '../../bin' }, '`bin` must be a path inside of the package'],
      [{ bin: ['ok', 'a/../../b'] }, '`bin.1` must be a path inside of the package'],
      [{ bin: 'C:\\x' }, '`bin` must be a path inside of the package'],
      [{ bin: 'c:/x' }, '`bin` must be a path inside of the package'],
      [{ bin: [1] }, '`bin.0` must be text'],
      [{ require: ['php'] }, '`require` must be an object of names and constraints'],
      [{ require: { php: 8 } }, '`require.php` must be text'],
      [{ require: { 'own/x': '^^1' } }, '`require.own/x` must be a constraint that Composer'],
      [{ require: { 'own x': '*' } }, '`require` must have names of packages only'],
      [{ conflict: { 'Own/Log': '<1' } }, '`conflict` must not name the package itself'],
      [{ 'require-dev': { 'own/log': '*' } }, '`require-dev` must not name the package itself'],
      [{ conflict: { 'a/b': '*' }, replace: { 'a/b': '*' } }, '`conflict` must not name what'],
      [{ suggest: { 'a/b': null } }, '`suggest.a/b` must be text'],
      [{ abandoned: 1 }, '`abandoned` must be true, or the package to use instead'],
    ]
    for (const [json, says] of cases) {
      test(`with ${JSON.stringify(json)} is refused by its field`, () => {
        const problem = problemOf(json) ?? 'nothing'
        assert.is(problem.slice(0, says.length), says, problem)
      })
    }

    test('that is no JSON object in UTF-8 is refused, and so is one too deep', () => {
      for (const text of ['', '[]', '"x"', '\ufeff{}', '{"a":1,}']) {
        assert.not(parseComposerJson(Buffer.from(text)).ok, text)
      }
      assert.not(parseComposerJson(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])).ok)
      const nested = (depth: number) =>
        Buffer.from('{"extra":'.repeat(depth) + '1' + '}'.repeat(depth))
      assert.ok(parseComposerJson(nested(60)).ok)
      assert.not(parseComposerJson(nested(61)).ok)
    })

    test('never changes what objects have, nor breaks a document, whatever it says', () => {
      const json = fc.dictionary(fc.constantFrom(...Object.keys(whole)), fc.jsonValue())
      fc.assert(
        fc.property(json, (random) => {
          if (problemOf(random) !== undefined) return
          const version = publishedVersion({ ...random, name: packageName }, publication)
          if (problemOfPublished(version) !== undefined) return
          const body = withVersion(undefined, packageName, version)
          assert.equal(versionsIn(body).map(plain), [plain(version)])
        }),
        { numRuns: 2_000 },
      )
      assert.equal(Object.keys(Object.prototype), [])
    })
  },
)
