import * as assert from 'uvu/assert'
import { expandVersions, type JsonObject, minifyVersions } from '../../src/composer/minify.ts'
import { PackageName } from '../../src/composer/names.ts'
import { servablePart } from '../../src/composer/servable-part.ts'
import { vendorsStoodInFor } from '../../src/composer/stand-ins.ts'
import { anyVendor } from '../../src/composer/document-digest.ts'
import { namesReservedBy } from '../../src/private/reserved.ts'
import { createStandsInForNone } from '../../src/private/stand-ins.ts'
import { describe } from '../support/suite.ts'

const packageName = PackageName.parse('pub/kit')

function documentOf(versions: readonly JsonObject[], minified = true): Buffer {
  const named = versions.map((version) => ({ name: 'pub/kit', ...version }))
  const list = minified ? minifyVersions(named) : named
  const packages = { 'pub/kit': list }
  return Buffer.from(JSON.stringify({ ...(minified && { minified: 'composer/2.0' }), packages }))
}

function servedOf(bytes: Buffer, ...standsInForNone: readonly string[]): readonly JsonObject[] {
  const json = JSON.parse(servablePart(bytes, { packageName, standsInForNone }).toString()) as {
    packages: Record<string, JsonObject[]>
    minified?: string
  }
  const versions = json.packages['pub/kit'] ?? []
  return json.minified === undefined ? versions : expandVersions(versions)
}

function linksOf(versions: readonly JsonObject[]): readonly unknown[] {
  return versions.map(({ replace, provide }) => ({ replace, provide }))
}

describe(
  'what a public package stands in for',
  async () => ({}),
  (test) => {
    test('are the vendors of what its versions replace or provide, and not its own', () => {
      const versions = [
        { replace: { 'acme/secret': '*', 'Beta/Text': 'self.version', 'pub/part': '1.0' } },
        { provide: { 'psr/log-implementation': '1.0', 'ext-x': '*', php: '8' }, replace: [] },
        {
          require: { 'other/one': '*' },
          conflict: { 'other/two': '*' },
          suggest: { 'other/3': '' },
        },
        { replace: 7, provide: null },
      ]
      assert.equal([...vendorsStoodInFor(versions, packageName)], ['acme', 'beta', 'psr'])
    })

    test('is none of a reserved vendor in what is served, however it is written', () => {
      const bytes = documentOf([
        {
          version: '2.0',
          replace: { 'ACME/Secret': '*', 'acme/a/b': '1', 'acmeX/a': '*', acme: '*' },
        },
        { version: '1.0', provide: { 'acme/secret': 'self.version', 'psr/log': '1' } },
      ])
      assert.equal(linksOf(servedOf(bytes, 'acme')), [
        { replace: { 'acmeX/a': '*', acme: '*' }, provide: undefined },
        { replace: undefined, provide: { 'psr/log': '1' } },
      ])
    })

    test('is none of a single reserved package, and all others of its vendor', () => {
      const bytes = documentOf([{ version: '1.0', replace: { 'Acme/LOG': '*', 'acme/logs': '1' } }])
      assert.equal(linksOf(servedOf(bytes, 'acme/log')), [
        { replace: { 'acme/logs': '1' }, provide: undefined },
      ])
    })

    test('may be of its own vendor, when names of that stay reserved', async () => {
      const reserved = namesReservedBy([
        'acme',
        'umb*',
        'pub/ours',
        'pubs/ours',
        'other/x',
        'other/y',
      ])
      const standsInForNone = createStandsInForNone({
        allowed: [],
        reservedNames: async () => reserved,
      })
      const of = async (...vendors: readonly string[]) =>
        await standsInForNone(packageName, vendors)
      assert.equal(await of(), ['pub/ours'])
      assert.equal(await of('beta', 'umbrella', 'other'), [
        'pub/ours',
        'umbrella',
        'other/x',
        'other/y',
      ])
      assert.equal(await of(anyVendor), reserved.patterns)
    })

    test('is told from what only a reader other than PHP would take for it', () => {
      const bytes = documentOf([{ version: '1.0', replace: { '\u212aey/x': '*', 'key /x': '*' } }])
      assert.is(servablePart(bytes, { packageName, standsInForNone: ['key'] }), bytes)
    })

    test('stays what it requires or conflicts with: that satisfies nothing', () => {
      const links = { require: { 'acme/secret': '*' }, conflict: { 'acme/secret': '<2' } }
      const bytes = documentOf([{ version: '1.0', ...links }])
      assert.is(servablePart(bytes, { packageName, standsInForNone: ['acme'] }), bytes)
    })

    test('is left out of versions in an object, each under its key, and by patterns', () => {
      const name = packageName
      const a = { name, version: '1', replace: { 'acme-one/x': '*' } }
      const versions = { b: { name, version: '2' }, a }
      const bytes = Buffer.from(JSON.stringify({ packages: { 'pub/kit': versions } }))
      const part = servablePart(bytes, { packageName, standsInForNone: ['other', 'acme-*'] })
      const expected = { b: { name, version: '2' }, a: { ...a, replace: {} } }
      assert.equal(JSON.parse(part.toString()), { packages: { 'pub/kit': expected } })
    })

    test('is no vendor that none could be called, so that all can be stored', () => {
      const replace = Object.fromEntries(
        ['a\u0000/x', '\ud800/x', '/x', 'a b/x', '-a/x', 'a', '__proto__/x'].map((to) => [to, '*']),
      )
      assert.equal([...vendorsStoodInFor([{ replace }], packageName)], [])
    })

    test('may be a hundred thousand packages in each of a thousand versions', () => {
      const replace = Object.fromEntries(
        Array.from({ length: 100_000 }, (_, index) => [`v${index}/x`, '*']),
      )
      const versions = Array.from({ length: 1000 }, (_, index) => ({
        version: `1.${index}`,
        replace,
      }))
      assert.is(vendorsStoodInFor(versions, packageName).size, 100_000)
      const bytes = documentOf(versions)
      const served = servedOf(bytes, 'v7', 'v99999')
      assert.is(Object.keys(served.at(-1)?.['replace'] ?? {}).length, 99_998)
    })
  },
)
