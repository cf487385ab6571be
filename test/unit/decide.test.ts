import * as assert from 'uvu/assert'
import { DocumentName } from '../../src/composer/names.ts'
import { decide, type Fetched, type NamedVersions } from '../../src/metadata/decide.ts'
import { inspectBody, versionsIn } from '../../src/metadata/inspect.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { Instant } from '../../src/time-machine/instant.ts'
import { describe } from '../support/suite.ts'

const fetchedAt = Instant.parse('2026-06-01T00:00:00.000000Z')
const [a, b, c] = ['a', 'b', 'c'].map((digit) => digit.repeat(40)) as [string, string, string] // three in, three out
const [one, two] = ['1', '2'].map((text) => sha256Of(Buffer.from(text)))

function facts(
  before: NamedVersions | undefined,
  fetched: Fetched,
  name = 'acme/log',
): readonly unknown[] {
  const document = DocumentName.parse(name)
  const known = { sha256: before === undefined ? undefined : one, versions: before ?? new Map() }
  return decide(known, { document, fetchedAt, durationMs: 7, fetched }).map(({ type, data }) => {
    const { document: _, fetchedAt: __, ...rest } = data as Record<string, unknown> // every event here has both
    return { type, ...rest }
  })
}

function body(versions: NamedVersions, sha256 = two): Fetched {
  if (sha256 === undefined) throw new Error('a body has a hash')
  return { outcome: 'body', sha256, sizeBytes: 1, lastModified: undefined, versions }
}

describe(
  'the facts in a fetch',
  async () => ({}),
  (test) => {
    const types = (list: readonly unknown[]) => list.map((each) => (each as { type: string }).type)

    test('a first body is a change, and nothing before it can have moved', () => {
      assert.equal(types(facts(undefined, body(new Map([['1.0.0', a]])))), ['MetadataChanged'])
    })

    test('the same bytes are a confirmation, as is "not modified"', () => {
      assert.equal(types(facts(new Map(), body(new Map(), one))), ['MetadataConfirmed'])
      assert.equal(types(facts(new Map(), { outcome: 'not_modified' })), ['MetadataConfirmed'])
    })

    test('"not modified" about what was never seen is a failure of upstream', () => {
      assert.equal(facts(undefined, { outcome: 'not_modified' }), [
        { type: 'MetadataFetchFailed', reason: 'status', status: 304, durationMs: 7 },
      ])
    })

    test('no document and no answer are events as well', () => {
      const missing = facts(new Map(), { outcome: 'missing', status: 410 })
      assert.equal(missing, [{ type: 'MetadataMissing', status: 410 }])
      for (const cause of ['timeout', 'name_timed_out'] as const) {
        const why = { cause, host: 'upstream' }
        const failed = facts(new Map(), { outcome: 'failed', reason: 'timeout', why })
        const finer = cause === 'timeout' ? {} : { cause }
        const about = { reason: 'timeout', status: undefined, durationMs: 7, ...finer }
        assert.equal(failed, [{ type: 'MetadataFetchFailed', ...about }])
      }
    })

    test('a tag that names another commit has moved; new versions and other keys have not', () => {
      const before = new Map([
        ['1.0.0', a],
        ['1.1.0', b],
      ])
      const after = new Map([
        ['2.0.0', c],
        ['1.1.0', c],
        ['1.0.0', a],
      ])
      assert.equal(facts(before, body(after)).slice(1), [
        { type: 'ReferenceMoved', version: '1.1.0', from: b, to: c },
      ])
    })

    test('a version that is not there any more was withdrawn, a branch too', () => {
      const before = new Map([
        ['1.0.0', a],
        ['1.1.0', undefined],
      ])
      assert.equal(facts(before, body(new Map())).slice(1), [
        { type: 'VersionWithdrawn', version: '1.0.0', reference: a },
        { type: 'VersionWithdrawn', version: '1.1.0', reference: undefined },
      ])
      const branch = new Map([['dev-main', a]])
      const gone = facts(branch, body(new Map()), 'acme/log~dev')
      assert.equal(types(gone), ['MetadataChanged', 'VersionWithdrawn'])
    })

    test('branches move with every commit, which is no fact of its own', () => {
      const moved = facts(
        new Map([['dev-main', a]]),
        body(new Map([['dev-main', b]])),
        'acme/log~dev',
      )
      assert.equal(types(moved), ['MetadataChanged'])
    })
  },
)

describe(
  'the inspection of what upstream sent',
  async () => ({}),
  (test) => {
    const document = DocumentName.parse('acme/log')
    const good = {
      name: 'acme/log',
      version: '1.0.0',
      version_normalized: '1.0.0.0',
      source: { type: 'git', url: 'https://example.org/log.git', reference: a },
      dist: { type: 'zip', url: 'https://example.org/log.zip', reference: b, shasum: '' },
      require: { php: '>=7.2' },
    }
    const send = (...versions: unknown[]) =>
      Buffer.from(JSON.stringify({ packages: { 'acme/log': versions }, other: 1 }))

    test('good bytes stay the bytes they are', () => {
      const sent = send(good)
      const inspected = inspectBody(document, sent)
      assert.ok(inspected.ok && inspected.body === sent)
      assert.equal([...versionsIn(document, sent)], [['1.0.0', b]])
    })

    const bad: readonly (readonly [string, Record<string, unknown>])[] = [
      ['no version', { version: undefined }],
      ['a version that is a number', { version: 1 }],
      [
        'a version that Composer does not know',
        { version: '1.x.y.z', version_normalized: undefined },
      ],
      ['a source without a reference', { source: { type: 'git', url: 'https://example.org' } }],
      ['a dist without a URL', { dist: { type: 'zip' } }],
      ['a requirement that is a number', { require: { php: 7 } }],
      ['a requirement that is no constraint', { require: { php: '=>=5 foo ~~' } }],
      [
        'a reference that is an option',
        { source: { ...good.source, reference: '--upload-pack=x' } },
      ],
      ...['/srv/log.zip', 'file:///srv/log.zip', 'phar:///srv/x', 'C:\\log.zip', '../log.zip'].map(
        (url) => [`a dist at ${url}`, { dist: { ...good.dist, url } }] as const,
      ),
      ['a dist that is a directory', { dist: { ...good.dist, type: 'path' } }],
      [
        'a mirror of its dist that is a file here',
        { dist: { ...good.dist, mirrors: [{ url: '/srv/%package%.zip', preferred: true }] } },
      ],
      ['a URL that is an option', { dist: { ...good.dist, url: '--output=/etc/passwd' } }],
      ...[
        'ext::sh -c "touch /tmp/x"',
        'EXT::sh',
        'fd::17',
        'my-helper+x::https://example.org',
        '-u./x',
        'ssh://-oProxyCommand=x/y',
        'svn+ssh://git@-oProxyCommand=x/y',
        'https://example.org/\tx',
      ].map((url) => [`a source at ${url}`, { source: { ...good.source, url } }] as const),
      [
        'a mirror of its source that is a command',
        { source: { ...good.source, mirrors: [{ url: 'ext::sh', preferred: true }] } },
      ],
      ['a reference that leads up', { source: { ...good.source, reference: 'a/../../b' } }],
      ['a dist whose reference leads up', { dist: { ...good.dist, reference: '../b' } }],
      ['a version that leads up', { version: 'dev-../../b', version_normalized: undefined }],
      ['a normalized version that leads up', { version_normalized: '../1.0.0.0' }],
      [
        'an escape sequence for terminals',
        { version: 'dev-2\u001B[31m', version_normalized: 'dev-2\u001B[31m' },
      ],
      [
        'a version that Composer does not know, with what is for Composer 1',
        { version: '1.x.y.z', version_normalized: '9999999-dev' },
      ],
      ['a reference longer than any', { dist: { ...good.dist, reference: 'a'.repeat(300) } }],
    ]
    for (const [what, change] of bad) {
      test(`${what}: that version is left out, the others stay`, () => {
        const inspected = inspectBody(
          document,
          send(good, { ...good, version: '2.0.0', version_normalized: '2.0.0.0', ...change }),
        )
        assert.ok(inspected.ok)
        assert.equal(JSON.parse(inspected.body.toString()), JSON.parse(send(good).toString()))
        assert.is(inspected.rejected.length, 1)
        assert.equal([...inspected.versions.keys()], ['1.0.0'])
      })
    }

    test('a source may be wherever git, svn and hg find it', () => {
      for (const url of [
        'git@github.com:acme/log.git',
        'git@[::1]:acme/log.git',
        'ssh://git@example.org:2222/acme/log.git',
        'https://user@example.org/log.git?x=a::b',
        'svn+ssh://example.org/log/trunk',
        'svn://[::1]/log',
        'https://example.org/hg/log-1.0',
        'file:///srv/git/log.git',
        '../log',
        'C:/log',
      ]) {
        const inspected = inspectBody(document, send({ ...good, source: { ...good.source, url } }))
        assert.ok(inspected.ok, url)
      }
    })

    test('a document with bad versions only is bad, one with none is good', () => {
      assert.is(inspectBody(document, send({ ...good, version: 1 })).ok, false)
      assert.is(inspectBody(document, send()).ok, true)
    })

    test('a root file has to be an object that names the place of documents', () => {
      const root = DocumentName.parse('packages.json')
      assert.is(inspectBody(root, Buffer.from('{"metadata-url":"/p2/%package%.json"}')).ok, true)
      for (const text of ['[]', 'null', '<html>', '', '{"packages":[]}']) {
        assert.is(inspectBody(root, Buffer.from(text)).ok, false, text)
      }
    })
  },
)
