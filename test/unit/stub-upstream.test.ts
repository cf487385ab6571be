import got, { type OptionsInit, type Response } from 'got'
import * as assert from 'uvu/assert'
import { describe, rejection } from '../support/suite.ts'
import { startStubUpstream, type StubUpstream } from '../support/upstream.ts'
import { minify } from '../support/upstream/documents.ts'

type Version = Readonly<Record<string, unknown>>
interface P2Document {
  readonly packages: Readonly<Record<string, readonly Version[]>>
}

describe(
  'the stub upstream',
  async () => {
    const upstream = await startStubUpstream()
    const get = async (path: string, options: OptionsInit = {}): Promise<Response<string>> =>
      await got(upstream.url + path, {
        ...options,
        retry: { limit: 0 },
        throwHttpErrors: false,
        responseType: 'text',
        resolveBodyOnly: false,
        isStream: false,
      })
    return { upstream, get, close: upstream.close }
  },
  (test) => {
    test('answers 304, without a body, to exactly the date it gave', async ({ get }) => {
      const first = await get('/p2/acme/log.json')
      const known = { 'if-modified-since': `${first.headers['last-modified']}` }
      const again = await get('/p2/acme/log.json', { headers: known })
      assert.equal([again.statusCode, again.body], [304, ''])
      const later = { 'if-modified-since': 'Fri, 01 Jan 2027 00:00:00 GMT' }
      assert.is((await get('/p2/acme/log.json', { headers: later })).statusCode, 200)
    })

    test('compresses JSON for those who ask for it, and says the same in both ways', async ({
      get,
    }) => {
      const zipped = await get('/p2/acme/log.json', { headers: { 'accept-encoding': 'gzip' } })
      const plain = await get('/p2/acme/log.json', { decompress: false })
      assert.is(plain.headers['content-encoding'], undefined)
      assert.is(zipped.body, plain.body)
    })

    test('writes documents that expand to complete versions, newest first', async ({ get }) => {
      const versions = expand((await documentAt(get, '/p2/acme/log.json')).packages['acme/log'])
      assert.equal(
        versions.map(({ version }) => version),
        ['2.1.0', '2.0.0', '2.0.0-beta1', '1.1.1', '1.1.0', '1.0.0'],
      )
      assert.equal(
        versions.map(({ require: links }) => links),
        ['>=8.1', '>=8.1', '>=7.2', '>=7.2', '>=7.2', '>=7.2'].map((php) => ({ php })),
      )
      for (const version of versions) {
        assert.match(String(version['published-time']), /^202\d-\d\d-\d\dT12:00:00\+00:00$/)
      }
    })

    test('minifies so that expanding gives back what was put in', () => {
      const versions = [
        { name: 'a/b', version: '2', require: { x: '1', y: '1' }, bin: ['b'] },
        { name: 'a/b', version: '1', require: { y: '1', x: '1' }, extra: {} },
        { name: 'a/b', version: '0', require: { y: '1', x: '1' }, bin: ['b'] },
      ]
      assert.equal(
        JSON.stringify(sorted(expand(minify(versions)))),
        JSON.stringify(sorted(versions)),
      )
    })

    test('shows branches in a document of their own, also one with a slash', async ({ get }) => {
      const versions = expand(
        (await documentAt(get, '/p2/acme/mailer~dev.json')).packages['acme/mailer'],
      )
      assert.equal(
        versions.map((version) => [version['version'], version['default-branch']]),
        [
          ['dev-main', true],
          ['dev-feature/queue', undefined],
        ],
      )
    })

    test('moves its documents with its clock and with what happens', async ({ upstream, get }) => {
      const seen = async () => {
        const { headers, body } = await get('/p2/acme/clock.json')
        const { packages } = JSON.parse(body) as P2Document
        const versions = expand(packages['acme/clock']).map(({ version }) => version)
        return { modified: headers['last-modified'], versions }
      }
      upstream.at('2024-05-06T11:59:59Z')
      assert.equal(await seen(), { modified: 'Sun, 05 May 2024 12:00:00 GMT', versions: [] })
      upstream.at('2026-01-01T00:00:00Z')
      assert.equal((await seen()).versions, ['1.0.1', '1.0.0'])
      upstream.publish('acme/clock', '1.0.2')
      upstream.withdraw('acme/clock', '1.0.0')
      assert.equal(await seen(), {
        modified: 'Thu, 01 Jan 2026 00:00:02 GMT',
        versions: ['1.0.2', '1.0.1'],
      })
      upstream.touch('acme/clock')
      assert.is((await seen()).modified, 'Thu, 01 Jan 2026 00:00:03 GMT')
      upstream.deletePackage('acme/clock')
      assert.is((await get('/p2/acme/clock.json')).statusCode, 404)
    })

    test('tells in its feed what changed, each document once', async ({ upstream, get }) => {
      upstream.at('2026-02-01T00:00:00Z')
      const start = JSON.parse((await get('/metadata/changes.json')).body) as { timestamp: number }
      upstream.moveTag('acme/log', '1.0.0')
      upstream.moveTag('acme/log', '1.0.0')
      upstream.pushCommit('acme/log', 'main')
      upstream.deletePackage('beta/edge')
      const page = await get(`/metadata/changes.json?since=${start.timestamp}`)
      const time = Date.parse('2026-02-01T00:00:00Z') / 1000
      assert.equal(JSON.parse(page.body), {
        actions: [
          { type: 'update', package: 'acme/log', time: time + 2 },
          { type: 'update', package: 'acme/log~dev', time: time + 3 },
          { type: 'delete', package: 'beta/edge', time: time + 4 },
        ],
        timestamp: (time + 5) * 10_000,
      })
      upstream.at('2026-02-03T00:00:00Z')
      const late = await get(`/metadata/changes.json?since=${start.timestamp}`)
      assert.match(late.body, /"type":"resync","package":"\*"/)
    })

    test('keeps requests waiting at a gate until it is opened', async ({ upstream, get }) => {
      const gate = upstream.hold(/acme\/testing/)
      const answers = [get('/p2/acme/testing.json'), get('/p2/acme/testing.json')]
      await gate.arrived
      assert.ok(gate.waiting() >= 1)
      gate.release()
      assert.equal(
        (await Promise.all(answers)).map(({ statusCode }) => statusCode),
        [200, 200],
      )
    })

    test('fails as often as it was told, and notes what it answered', async ({ upstream, get }) => {
      upstream.forget()
      upstream.fail({ match: /beta/, mode: 'status', status: 429, retryAfterSeconds: 7, times: 1 })
      const refused = await get('/p2/beta/text.json')
      assert.equal([refused.statusCode, refused.headers['retry-after']], [429, '7'])
      await get('/p2/beta/text.json')
      await get('/p2/no/thing.json')
      assert.equal(
        upstream.requestsFor(/^\/p2\//).map(({ path, status }) => [path, status]),
        [
          ['/p2/beta/text.json', 429],
          ['/p2/beta/text.json', 200],
          ['/p2/no/thing.json', 404],
        ],
      )
    })

    for (const mode of ['reset', 'truncate'] as const) {
      test(`breaks the connection: ${mode}`, async ({ upstream, get }) => {
        const error = await failing(upstream, mode, async () => await rejection(get(fonts)))
        assert.instance(error, Error)
      })
    }

    test('ends an answer early, without saying so', async ({ upstream, get }) => {
      const ask = async () => await get(fonts, { decompress: false })
      const whole = await ask()
      const half = await failing(upstream, 'close-delimited-short', ask)
      assert.is(half.statusCode, 200)
      assert.is(half.body, whole.body.slice(0, Math.ceil(whole.body.length / 2)))
    })

    test('answers with what is no document of the package', async ({ upstream, get }) => {
      const ask = async () => await get(fonts)
      const garbage = await failing(upstream, 'garbage-json', ask)
      assert.throws(() => JSON.parse(garbage.body), /JSON/)
      assert.match((await failing(upstream, 'html', ask)).body, /^<!doctype html>/)
      const loop = async () => await rejection(get(fonts, { maxRedirects: 3 }))
      assert.match(String(await failing(upstream, 'redirect-loop', loop)), /[Rr]edirect/)
      assert.is((await get(fonts)).statusCode, 200)
    })

    test('says what a test has it say', async ({ upstream, get }) => {
      const body = '{"packages":[]}'
      const headers = { 'last-modified': 'Fri, 31 Dec 9999 23:59:59 GMT' }
      upstream.fail({ match: /ninja/, mode: 'own-words', times: 1, body, headers })
      const said = await get('/p2/made/ninja.json')
      assert.equal([said.statusCode, said.body], [200, body])
      assert.is(said.headers['last-modified'], headers['last-modified'])
    })

    test('sends a small answer that unpacks to half a gigabyte', async ({ upstream, get }) => {
      const bomb = await failing(upstream, 'gzip-bomb', async () => {
        return await get(fonts, { decompress: false })
      })
      assert.is(bomb.headers['content-encoding'], 'gzip')
      assert.ok(Number(bomb.headers['content-length']) < 1_000_000)
    })
  },
)

const fonts = '/p2/beta/fonts.json'

async function failing<T>(
  upstream: StubUpstream,
  mode: Parameters<StubUpstream['fail']>[0]['mode'],
  work: () => Promise<T>,
): Promise<T> {
  const clear = upstream.fail({ match: /fonts/, mode })
  try {
    return await work()
  } finally {
    clear()
  }
}

async function documentAt(
  get: (path: string) => Promise<Response<string>>,
  path: string,
): Promise<P2Document> {
  return JSON.parse((await get(path)).body) as P2Document
}

/** The other direction of the stub's `minify`, as Composer does it. */
function expand(differences: readonly object[] = []): readonly Version[] {
  let before: Version = {}
  return differences.map((difference) => {
    const entries = Object.entries({ ...before, ...difference })
    before = Object.fromEntries(entries.filter(([, value]) => value !== '__unset'))
    return before
  })
}

/** Expanding doesn't keep the order of a version's keys. */
function sorted(versions: readonly object[]): readonly object[] {
  return versions.map((version) => Object.fromEntries(Object.entries(version).toSorted(byKey)))
}

function byKey([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1
}
