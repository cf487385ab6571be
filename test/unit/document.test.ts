import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { distsOf, parseDocument, type PackageDocument } from '../../src/composer/document.ts'
import { PackageName } from '../../src/composer/names.ts'
import { brokenDocuments, emptyDocuments, noSuchDocuments } from '../support/no-such-documents.ts'
import { describe } from '../support/suite.ts'

fc.configureGlobal({ seed: 20_240_501 })

const name = PackageName.parse('acme/lib')

function parsed(json: string | Buffer): PackageDocument {
  const result = parseDocument(Buffer.from(json), name)
  if (!result.ok) throw new Error(result.problem)
  return result.document
}

function problemOf(json: string | Buffer): string {
  const result = parseDocument(Buffer.from(json), name)
  return result.ok ? 'accepted' : result.problem
}

/** A document whose deepest list is on the given level; everything around it takes four. */
function nested(levels: number): string {
  const value = `${'['.repeat(levels - 4)}${']'.repeat(levels - 4)}`
  return `{"packages":{"acme/lib":[{"extra":${value}}]}}`
}

describe(
  'documents',
  async () => ({}),
  (test) => {
    test('are read with their versions complete', () => {
      const { minified, versions, top } = parsed(
        '{"minified":"composer/2.0","packages":{"acme/lib":[{"version":"2","time":"t"},{"version":"1"}]},"security-advisories":[]}',
      )
      assert.is(minified, true)
      assert.is(JSON.stringify(versions), '[{"version":"2","time":"t"},{"version":"1","time":"t"}]')
      assert.equal(Object.keys(top), ['minified', 'packages', 'security-advisories'])
    })

    test('that are not minified are taken as they are', () => {
      const { minified, versions } = parsed('{"packages":{"acme/lib":[{"a":1},{"b":"__unset"}]}}')
      assert.is(minified, false)
      assert.equal(versions, [{ a: 1 }, { b: '__unset' }])
    })

    test('may have no version at all', () => {
      assert.equal(parsed('{"packages":{"acme/lib":[]}}').versions, [])
      assert.equal(parsed('{"minified":"composer/2.0","packages":{"acme/lib":{}}}').versions, [])
    })

    test('may have their versions in an object, and other packages beside the one asked for', () => {
      const { versions } = parsed(
        '{"packages":{"acme/other":7,"acme/lib":{"1.0.0":{"version":"1.0.0"},"2":{"version":"2"}}}}',
      )
      assert.is(versions.length, 2)
      assert.ok(versions.some(({ version }) => version === '1.0.0'))
    })

    test('that are not JSON are refused', () => {
      const tail = Buffer.from('":[]}}')
      for (const bytes of [
        '',
        '<html>sign in</html>',
        '{"packages":{"acme/lib":[]}',
        '{"packages":{"acme/lib":[]}}x',
        '\ufeff{"packages":{"acme/lib":[]}}',
        Buffer.concat([Buffer.from('{"packages":{"acme/lib":[],"\xff', 'latin1'), tail]),
      ]) {
        assert.is(problemOf(bytes), 'not JSON')
      }
    })

    test('that Composer finds nothing of the package in say that there is no such package', () => {
      for (const { title, body } of noSuchDocuments) {
        const result = parseDocument(Buffer.from(body(name)), name)
        assert.ok(!result.ok && result.isNoSuch, title)
      }
    })

    test('that Composer fails at, and packages without versions, do not say so', () => {
      for (const { title, body } of [...brokenDocuments, ...emptyDocuments]) {
        const result = parseDocument(Buffer.from(body(name)), name)
        assert.ok(result.ok || result.isNoSuch === undefined, title)
      }
      assert.is(problemOf('7'), 'no object')
    })

    test('about another package are of no use', () => {
      for (const json of [
        '{"packages":{"Acme/Lib":[]}}',
        '{"packages":{"__proto__":{"acme/lib":[]}}}',
        '{"__proto__":{"packages":{"acme/lib":[]}}}',
      ]) {
        assert.is(problemOf(json), 'not about the package asked for', json)
      }
    })

    test('with versions that are not objects are refused', () => {
      for (const versions of ['7', '"x"', '[1]', '[{},null]', '[[]]', '{"1":[]}']) {
        const json = `{"packages":{"acme/lib":${versions}}}`
        assert.is(problemOf(json), 'versions that are not all objects', versions)
      }
    })

    test('minified in a way not known are refused', () => {
      for (const minified of ['"composer/3.0"', 'true', 'false', 'null', '""', '[]']) {
        const json = `{"minified":${minified},"packages":{"acme/lib":[]}}`
        assert.is(problemOf(json), 'minified in an unknown way', minified)
      }
    })

    test('may be nested 64 levels deep, and no deeper', () => {
      assert.is(problemOf(nested(64)), 'accepted')
      assert.is(problemOf(nested(65)), 'JSON nested deeper than 64 levels: 65')
      assert.match(problemOf('['.repeat(1_000_000)), 'deeper than 64')
      assert.match(problemOf(`{"a":`.repeat(100_000)), 'deeper than 64')
    })

    test('of too much are refused before it is built, by a limit and a number', () => {
      const versions = (count: number, rest: object = {}) =>
        JSON.stringify({
          minified: 'composer/2.0',
          packages: { 'acme/lib': [rest, ...Array.from({ length: count - 1 }, () => ({}))] },
        })
      const keys = (count: number) =>
        Object.fromEntries(Array.from({ length: count }, (_, key) => [`k${key}`, 1]))
      assert.is(problemOf(versions(10_000)), 'accepted')
      assert.is(problemOf(versions(10_001)), 'more than 10000 versions: 10001')
      assert.is(problemOf(versions(2_500, keys(100))), 'accepted')
      assert.is(
        problemOf(versions(5_001, keys(20_000))),
        'versions of more than 250000 keys when complete: 100020000',
      )
      assert.is(
        problemOf(versions(1, { extra: keys(300_000) })),
        'JSON of more than 250000 values: 300005',
      )
    })

    test('may have brackets in their texts', () => {
      const text = JSON.stringify(`\\"${'[{'.repeat(100)}"\\`)
      assert.is(problemOf(`{"packages":{"acme/lib":[{"description":${text}}]}}`), 'accepted')
    })

    test('of any JSON, and of any bytes, are read or refused without an error', () => {
      const anyBytes = fc.uint8Array().map((bytes) => Buffer.from(bytes))
      const anyJson = fc.json().map((json) => Buffer.from(json))
      const anyVersions = fc
        .json()
        .map((json) => Buffer.from(`{"minified":"composer/2.0","packages":{"acme/lib":[${json}]}}`))
      fc.assert(
        fc.property(fc.oneof(anyBytes, anyJson, anyVersions), (bytes) => {
          const result = parseDocument(bytes, name)
          assert.type(result.ok, 'boolean')
        }),
        { numRuns: 1000 },
      )
    })
  },
)

describe(
  'dists',
  async () => ({}),
  (test) => {
    const dist = { type: 'zip', url: 'https://host/x.zip', reference: 'abc', shasum: '' }

    test('are read with what an archive is found and checked by', () => {
      assert.equal(distsOf({ version: 'v1.2', version_normalized: '1.2.0.0', dist, name: 'a/b' }), {
        version: 'v1.2',
        versionNormalized: '1.2.0.0',
        type: 'zip',
        url: 'https://host/x.zip',
        reference: 'abc',
        shasum: null,
      })
    })

    test('have their version normalized when upstream left that out or broke it', () => {
      assert.is(distsOf({ version: 'v1.2', dist })?.versionNormalized, '1.2.0.0')
      assert.is(
        distsOf({ version: 'v1.2', version_normalized: 12, dist })?.versionNormalized,
        '1.2.0.0',
      )
      assert.is(distsOf({ version: 'nonsense', dist }), undefined)
    })

    test('of a default branch have the name that Composer 2 gives it', () => {
      // Written for Composer 1; it was read from real documents of 2020.
      const sent = { version: 'dev-master', version_normalized: '9999999-dev', dist }
      assert.is(distsOf(sent)?.versionNormalized, 'dev-master')
    })

    test('may lack a reference and a checksum', () => {
      for (const odd of [{}, { reference: null, shasum: null }, { reference: 7, shasum: [] }]) {
        const found = distsOf({ version: '1', dist: { type: 'zip', url: 'u', ...odd } })
        assert.is(found?.reference, null)
        assert.is(found?.shasum, null)
      }
    })

    test('are absent where there is no archive', () => {
      for (const none of [
        undefined,
        null,
        [],
        'x',
        { url: 'u' },
        { type: 'zip' },
        { type: '', url: '' },
      ]) {
        assert.is(distsOf({ version: '1', dist: none }), undefined, JSON.stringify(none))
      }
      assert.is(distsOf({ dist }), undefined)
    })
  },
)
