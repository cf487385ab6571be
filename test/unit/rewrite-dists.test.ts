import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { parseDocument, type PackageDocument } from '../../src/composer/document.ts'
import { type JsonObject, minifyVersions } from '../../src/composer/minify.ts'
import { versionToken } from '../../src/composer/mirror-tokens.ts'
import { PackageName } from '../../src/composer/names.ts'
import { rewriteDists } from '../../src/composer/rewrite-dists.ts'
import { startStubUpstream } from '../support/upstream.ts'
import { describe } from '../support/suite.ts'

fc.configureGlobal({ seed: 20_240_501 })

const name = PackageName.parse('acme/lib')
const publicUrl = 'https://proxy.test/composer'
const ours = `${publicUrl}/dist-proxy/%package%/%version%/%reference%`

function read(bytes: Buffer, packageName = name): PackageDocument {
  const result = parseDocument(bytes, packageName)
  if (!result.ok) throw new Error(result.problem)
  return result.document
}

function documentOf(versions: unknown, more: JsonObject = {}): Buffer {
  return Buffer.from(JSON.stringify({ ...more, packages: { 'acme/lib': versions } }))
}

const rewritten = (bytes: Buffer) => rewriteDists(bytes, name, publicUrl)

/** What has to come out: the same, but for where archives are. */
function expected({ dist, ...version }: JsonObject): JsonObject {
  if (dist === undefined) return version
  if (dist === null) return { ...version, dist }
  const { mirrors: _, ...kept } = dist as JsonObject // as all that is there and isn't null
  const shasum =
    typeof kept['shasum'] === 'string' && kept['shasum'] !== '' ? `?sha1=${kept['shasum']}` : ''
  return { ...version, dist: { ...kept, url: `${ours}.${String(kept['type'])}${shasum}` } }
}

/** With what Composer would put in, as far as that is the same for all who install it. */
function filledInAs(version: JsonObject, packageName: PackageName): JsonObject {
  const { dist, version_normalized: normalized } = version
  if (dist === undefined || dist === null) return version
  const { url, reference } = dist as { readonly url: string; readonly reference: string } // ours
  const isBranch = String(normalized).includes('dev')
  const filled = url
    .replace('%package%', packageName)
    .replace('%version%', versionToken(String(normalized)))
    .replace('%reference%', isBranch ? '%reference%' : reference)
  return { ...version, dist: { ...dist, url: filled } }
}

/** The order of the keys at the top doesn't count. */
const sorted = (versions: readonly JsonObject[]): unknown =>
  JSON.parse(JSON.stringify(versions.map((version) => Object.entries(version).toSorted(byKey))))

function byKey([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : 1
}

const anyDist = fc.record(
  {
    type: fc.constantFrom('zip', 'zip', 'tar', 'phar'),
    url: fc.constantFrom('https://one.test/a.zip', 'https://two.test/b.zip'),
    reference: fc.constantFrom(null, '', 'a'.repeat(40), 'b'.repeat(40), 'v1.0'),
    shasum: fc.constantFrom('', 'c'.repeat(40)),
    mirrors: fc.constant([{ url: 'https://mirror.test/x', preferred: true }]),
  },
  { requiredKeys: ['type', 'url'] },
)
const anyVersion = fc.record(
  {
    version: fc.constantFrom('1.0.0', '2.0.0', 'dev-main'),
    source: fc.constant({ type: 'git', url: 'https://git.test/x.git', reference: 'a' }),
    dist: fc.oneof(fc.constant(null), anyDist),
    require: fc.dictionary(fc.constantFrom('php', '__proto__'), fc.constant('^8')),
  },
  { requiredKeys: ['version'] },
)

describe(
  'documents with rewritten dists',
  async () => {
    const upstream = await startStubUpstream()
    return { upstream, close: upstream.close }
  },
  (test) => {
    test('are the same as upstream says, expanded, but for where archives are', () => {
      const anyTop = fc.constantFrom<JsonObject>({}, { minified: 'composer/2.0' })
      fc.assert(
        fc.property(fc.array(anyVersion, { maxLength: 6 }), anyTop, (versions, top) => {
          const isMinified = 'minified' in top
          const bytes = documentOf(isMinified ? minifyVersions(versions) : versions, {
            ...top,
            'security-advisories': [{ advisoryId: 'A-1' }],
          })
          const before = read(bytes)
          const after = read(rewritten(bytes))
          assert.is(after.minified, isMinified)
          assert.equal(sorted(after.versions), sorted(before.versions.map(expected)))
          assert.equal({ ...after.top, packages: {} }, { ...before.top, packages: {} })
        }),
        { numRuns: 500 },
      )
    })

    test('name no other host, whatever is made up upstream', async ({ upstream }) => {
      for (const document of ['acme/log', 'acme/log~dev', 'acme/suite', 'beta/fonts']) {
        const answer = await fetch(`${upstream.url}/p2/${document}.json`)
        const bytes = Buffer.from(await answer.arrayBuffer())
        const packageName = PackageName.parse(document.replace('~dev', ''))
        const written = rewriteDists(bytes, packageName, publicUrl)
        assert.not.match(written.toString(), upstream.url, document)
        const [before, after] = [read(bytes, packageName), read(written, packageName)]
        const isAlike = before.versions.map((version) => filledInAs(expected(version), packageName))
        assert.equal(sorted(after.versions), sorted(isAlike), document)
      }
    })

    test('are filled in but for the reference of a branch, and for what versions share', () => {
      const [one, two] = ['a'.repeat(40), 'b'.repeat(40)]
      const dist = { type: 'zip', url: 'https://one.test/x', reference: one }
      const versions = [
        { version: '2.0.0', version_normalized: '2.0.0.0', dist: { ...dist, reference: two } },
        { version: '1.1.0', version_normalized: '1.1.0.0', dist },
        { version: '1.0.0', version_normalized: '1.0.0.0', dist },
        { version: 'dev-a/b', version_normalized: 'dev-a/b', dist: { ...dist, reference: two } },
        { version: '0.9', version_normalized: '0.9.0.0', dist: { ...dist, reference: 'v0.9' } },
      ]
      const bytes = documentOf(minifyVersions(versions), { minified: 'composer/2.0' })
      const urls = read(rewritten(bytes)).versions.map(({ dist: own }) => {
        return (own as { readonly url: string }).url.slice(publicUrl.length) // as each has one
      })
      const hash = (text: string) => createHash('md5').update(text).digest('hex')
      assert.equal(urls, [
        `/dist-proxy/acme/lib/2.0.0.0/${two}.zip`,
        '/dist-proxy/%package%/%version%/%reference%.zip',
        '/dist-proxy/%package%/%version%/%reference%.zip',
        `/dist-proxy/acme/lib/${hash('dev-a/b')}/%reference%.zip`,
        `/dist-proxy/acme/lib/0.9.0.0/${hash('v0.9')}.zip`,
      ])
    })

    test('hold the URL once, and each reference where it was', () => {
      const dist = (reference: string, url: string) => ({ type: 'zip', url, reference, shasum: '' })
      const [one, two] = ['a'.repeat(40), 'b'.repeat(40)]
      const versions = [
        { version: '3', dist: dist(two, `https://one.test/${two}`) },
        { version: '2', dist: dist(one, `https://one.test/${one}`) },
        { version: '1', dist: dist(one, `https://two.test/${one}`) },
      ]
      const bytes = documentOf(minifyVersions(versions), { minified: 'composer/2.0' })
      const { packages } = JSON.parse(rewritten(bytes).toString())
      assert.equal(packages['acme/lib'], [
        { version: '3', dist: dist(two, `${ours}.zip`) },
        { version: '2', dist: dist(one, `${ours}.zip`) },
        { version: '1' },
      ])
    })

    test('may have their versions by name, as repositories without minifying write them', () => {
      const dist = { type: 'zip', url: 'https://one.test/x' }
      const written = rewritten(
        documentOf({ 'v1.0': { version: '1.0', dist }, odd: { version: '2' } }),
      )
      assert.is(
        written.toString(),
        JSON.stringify({
          packages: {
            'acme/lib': {
              'v1.0': { version: '1.0', dist: { type: 'zip', url: `${ours}.zip` } },
              odd: { version: '2' },
            },
          },
        }),
      )
    })

    test('are about their package alone: what others have in them is not read by Composer', () => {
      const dist = { type: 'zip', url: 'https://one.test/x' }
      const packages = { 'acme/other': [{ version: '1', dist }], 'acme/lib': [] }
      const written = rewritten(Buffer.from(JSON.stringify({ packages })))
      assert.is(written.toString(), '{"packages":{"acme/lib":[]}}')
    })

    test('name a place of ours also for types that are never served', () => {
      for (const type of ['path', 'git', 'zip/../..', '']) {
        const dist = { type, url: '/etc' }
        const [version] = read(rewritten(documentOf([{ version: '1', dist }]))).versions
        assert.equal(version?.['dist'], { type, url: `${ours}.%type%` }, type)
      }
    })

    test('end with the name under which Composer installs what is one file', () => {
      const urlFor = (type: string, url: string) => {
        const written = rewritten(documentOf([{ version: '1', dist: { type, url } }]))
        return /"url":"([^"]*)"/.exec(written.toString())?.[1]
      }
      const phar = 'https://one.test/v1/app.phar?token=x/y.phar#z'
      assert.is(urlFor('file', phar), `${ours}.file/app.phar`)
      assert.is(urlFor('gzip', 'https://one.test/data.sql.gz'), `${ours}.gzip/data.sql.gz`)
      assert.is(urlFor('phar', phar), `${ours}.phar`)
      for (const none of [
        'https://one.test/',
        'https://one.test/a/?x',
        'https://one.test/%package%',
      ]) {
        assert.is(urlFor('file', none), `${ours}.file`, none)
      }
    })
  },
)
