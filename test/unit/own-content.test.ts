import * as assert from 'uvu/assert'
import { isAllOwn, type PackageDocument, parseDocument } from '../../src/composer/document.ts'
import { filterVersions } from '../../src/composer/filter-versions.ts'
import { minifyVersions } from '../../src/composer/minify.ts'
import { DocumentName, filterSummary, PackageName, rootDocument } from '../../src/composer/names.ts'
import { parseRootFile } from '../../src/composer/root-file.ts'
import { inspectBody } from '../../src/metadata/inspect.ts'
import { describe } from '../support/suite.ts'

const name = PackageName.parse('pub/kit')
const document = DocumentName.parse('pub/kit')

function parsed(json: object): PackageDocument {
  const result = parseDocument(Buffer.from(JSON.stringify(json)), name)
  if (!result.ok) throw new Error(result.problem)
  return result.document
}

function withOwner(owner: unknown, version = '9.9.9') {
  return { version, ...(owner === undefined ? {} : { name: owner }) }
}

const own = withOwner('pub/kit', '1.0.0')

/** What is written when all that may stay stays; undefined: the very bytes. */
function written(json: object): unknown {
  const bytes = filterVersions(parsed(json), name, () => true)
  return bytes && JSON.parse(bytes.toString())
}

function inspected(json: object) {
  return inspectBody(document, Buffer.from(JSON.stringify(json)))
}

describe(
  'versions of other packages',
  async () => ({}),
  (test) => {
    test('are no part of a document, however their name is written', () => {
      const owners = [
        'acme/secret',
        'pub/kit ',
        'pub/\u212ait', // KELVIN SIGN, a k in lower case for all but PHP
        'pub/k\u0130t',
        'pub\\/kit',
        '',
        7,
        true,
        ['pub/kit'],
        { toString: 'pub/kit' },
      ]
      for (const owner of owners) {
        const read = parsed({ packages: { 'pub/kit': [own, withOwner(owner)] } })
        assert.equal(read.versions, [own], JSON.stringify(owner))
        assert.equal(read.leftOut, [{ version: '9.9.9', problem: 'name: of another package' }])
      }
    })

    test('are told from those whose name is written in capitals, as PHP does it', () => {
      const read = parsed({ packages: { 'pub/kit': [own, withOwner('Pub/KIT')] } })
      assert.is(read.versions.length, 2)
      assert.ok(isAllOwn(read))
    })

    test('are found where a minified list only says that the name is another', () => {
      const versions = [own, withOwner('acme/secret'), withOwner('pub/kit', '0.9.0')]
      const json = { minified: 'composer/2.0', packages: { 'pub/kit': minifyVersions(versions) } }
      assert.equal(
        parsed(json).versions.map(({ version }) => version),
        ['1.0.0', '0.9.0'],
      )
      const rest = minifyVersions([own, withOwner('pub/kit', '0.9.0')])
      assert.is(
        JSON.stringify(written(json)),
        JSON.stringify({ ...json, packages: { 'pub/kit': rest } }),
      )
      assert.not('name' in (rest[1] ?? {}), 'the second one has the name of the first')
    })

    test('leave the others under the keys that they were sent under', () => {
      const json = { packages: { 'pub/kit': { b: withOwner('acme/secret'), a: own } } }
      assert.equal(written(json), { packages: { 'pub/kit': { a: own } } })
    })

    test('have no list of their own in the document', () => {
      const json = { packages: { 'acme/secret': [withOwner('acme/secret')], 'pub/kit': [own] } }
      assert.equal(written(json), { packages: { 'pub/kit': [own] } })
    })

    test('are not called malware by it: Composer would believe that', () => {
      const mine = { constraint: '*', reason: 'malware' }
      const entries = [mine, { ...mine, package: 'acme/secret' }, { ...mine, package: 'Pub/Kit' }]
      const json = {
        packages: { 'pub/kit': [own] },
        filter: { malware: entries, odd: { a: entries[1] } },
      }
      const filter = { malware: [mine, entries[2]], odd: {} }
      assert.equal(written(json), { packages: { 'pub/kit': [own] }, filter })
    })
  },
)

describe(
  'versions that Composer would compare by the name of another',
  async () => ({}),
  (test) => {
    const named = (version: unknown, normalized?: unknown) => {
      return { name: 'pub/kit', version, version_normalized: normalized }
    }
    const versionsOf = (...versions: readonly object[]) =>
      parsed({ packages: { 'pub/kit': versions } }).versions.length

    test('are no part of a document, and are said to be left out', () => {
      const others = [
        '9.9.9',
        '9.9.9.0.0',
        '1.0.0.0',
        'v9.9.9.0',
        ' 9.9.9.0',
        '9.9.9.0-stable',
        'dev-x',
        'x',
        '',
        9,
        true,
        ['9.9.9.0'],
      ]
      for (const other of others) {
        const json = { packages: { 'pub/kit': [own, named('9.9.9', other)] } }
        const result = inspected(json)
        assert.equal(written(json), { packages: { 'pub/kit': [own] } }, JSON.stringify(other))
        assert.equal(result.ok && result.rejected, [
          { version: '"9.9.9"', problem: 'version_normalized: of another version' },
        ])
      }
    })

    test('are found where a minified list only says that one of the names is another', () => {
      const versions = [named('9.9.9', '9.9.9.0'), named('9.9.8', '9.9.9.0')]
      const json = { minified: 'composer/2.0', packages: { 'pub/kit': minifyVersions(versions) } }
      assert.equal(parsed(json).versions, [versions[0]])
    })

    test('have names that are text', () => {
      assert.is(versionsOf(named(9), named(9.5, '9.5.0.0'), named('x', '9.0.0.0')), 0)
    })

    test('are told from those whose name is normalized as Composer does it, or not at all', () => {
      const versions = [
        named('v2.0-rc1', '2.0.0.0-RC1'),
        named('2.0.0-BETA.2', '2.0.0.0-beta2'),
        named('1.x-dev', '1.9999999.9999999.9999999-dev'),
        named('dev-Main', 'dev-Main'),
        named('9.9.9+build', '9.9.9.0'),
        named('dev-master', '9999999-dev'),
        named('1.0', null),
        named('1.1'),
      ]
      assert.is(versionsOf(...versions), versions.length)
    })
  },
)

describe(
  'a body of upstream',
  async () => ({}),
  (test) => {
    test('is kept without versions of others, and says which', () => {
      const json = {
        packages: { 'pub/kit': [withOwner('acme/secret'), own], 'acme/secret': [own] },
      }
      const result = inspected(json)
      assert.ok(result.ok)
      assert.equal(JSON.parse(result.body.toString()), { packages: { 'pub/kit': [own] } })
      assert.equal(result.rejected, [
        { version: '"9.9.9"', problem: 'name: of another package' },
        { version: '"acme/secret"', problem: 'packages: of another package' },
      ])
      assert.equal([...result.versions.keys()], ['1.0.0'])
    })

    test('is kept as it is when all of it is about its package', () => {
      const body = Buffer.from(
        '{ "packages": {"pub/kit": [{"name":"Pub\\/Kit","version":"1.0.0"}]} }',
      )
      const result = inspectBody(document, body)
      assert.ok(result.ok && result.body === body)
    })

    test('is refused when all its versions are of others, or of none', () => {
      for (const owner of ['acme/secret', undefined, null]) {
        const result = inspected({ packages: { 'pub/kit': [withOwner(owner)] } })
        assert.ok(!result.ok && /no version that Composer could load/.test(result.problem))
      }
    })

    test('may have no version at all beside the lists of others', () => {
      const result = inspected({ packages: { 'pub/kit': [], 'acme/secret': [own] } })
      assert.ok(result.ok && result.body.toString() === '{"packages":{"pub/kit":[]}}')
    })

    test('is refused when its differences come in another order than they were sent', () => {
      const versions = { late: own, 1: withOwner('pub/kit') }
      const packages = { 'pub/kit': versions }
      assert.not(inspected({ minified: 'composer/2.0', packages }).ok)
      assert.ok(inspected({ packages }).ok)
    })
  },
)

describe(
  'text that PHP cannot read',
  async () => ({}),
  (test) => {
    const half = '\ud800'
    const broken: readonly object[] = [
      { description: half },
      { [half]: 1 },
      { extra: { deep: [{ a: ['x', half] }] } },
      { require: { [`php${half}`]: '*' } },
      { extra: { '\0a': 1 } },
    ]
    for (const part of broken) {
      test(`is left out with its version: ${JSON.stringify(part)}`, () => {
        const bad = { ...withOwner('pub/kit', '2.0.0'), ...part }
        for (const list of [[own, bad], { a: own, b: bad }]) {
          const json = { packages: { 'pub/kit': list } }
          assert.equal(parsed(json).versions, [own])
          assert.equal(written(json), {
            packages: { 'pub/kit': Array.isArray(list) ? [own] : { a: own } },
          })
          const result = inspected(json)
          assert.ok(result.ok)
          assert.equal(result.rejected, [
            { version: '"2.0.0"', problem: 'text that PHP cannot read' },
          ])
        }
      })
    }

    test('is left out with the versions that share it, and with no other', () => {
      const versions = [own, { ...own, version: '0.9', homepage: half }, { ...own, version: '0.8' }]
      const json = { minified: 'composer/2.0', packages: { 'pub/kit': minifyVersions(versions) } }
      assert.equal(parsed(json).versions, [own, { ...own, version: '0.8' }])
    })

    test('is left out with the key that a version is sent under', () => {
      assert.equal(parsed({ packages: { 'pub/kit': { [half]: own } } }).versions, [])
    })

    test('is left out where it is beside the versions, with all of its key', () => {
      const json = { packages: { 'pub/kit': [own] }, warning: half, [half]: 1, info: 'x' }
      assert.equal(written(json), { packages: { 'pub/kit': [own] }, info: 'x' })
      assert.not.ok(isAllOwn(parsed(json)))
    })

    test('is not half of a name that an event has', () => {
      const version = `${'x'.repeat(98)}\u{1F600}`
      const result = inspected({ packages: { 'pub/kit': [own, { version }] } })
      assert.ok(result.ok)
      assert.is(result.rejected[0]?.version, `"${'x'.repeat(98)}`)
    })

    test('makes a root file and a summary of lists unfit to be taken', () => {
      const root = Buffer.from(JSON.stringify({ packages: [], warning: half }))
      assert.not.ok(inspectBody(rootDocument, root).ok)
      assert.equal(parseRootFile(root), { packages: [] })
      const summary = { filter: { malware: { 'pub/kit': '*' }, [half]: {} } }
      assert.not.ok(inspectBody(filterSummary, Buffer.from(JSON.stringify(summary))).ok)
    })
  },
)
