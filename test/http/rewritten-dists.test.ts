import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { expandVersions, type JsonObject } from '../../src/composer/minify.ts'
import { compactInstant } from '../../src/time-machine/instant.ts'
import { versionToken } from '../../src/composer/mirror-tokens.ts'
import { distOf } from '../support/dist.ts'
import { times } from '../support/long.ts'
import { startService, type Get } from '../support/service.ts'
import { describe } from '../support/suite.ts'

fc.configureGlobal({ seed: 20_240_501 })

const log = '/p2/acme/log.json'
const rewrite = { PROXY_DIST_MODE: 'rewrite' }
const open = async () => await startService({ settings: rewrite })

const Document = z.object({ packages: z.record(z.string(), z.array(z.looseObject({}))) })

function versionsIn(body: Buffer): readonly JsonObject[] {
  const { packages } = Document.parse(JSON.parse(body.toString()))
  return Object.values(packages).flatMap((versions) => expandVersions(versions))
}

const Dist = z.looseObject({ url: z.string(), reference: z.string() })

describe('metadata with PROXY_DIST_MODE=rewrite', open, (test) => {
  test('names our archives, and is otherwise what upstream says', async (service) => {
    const { get, url, upstream } = service
    for (const path of [log, '/p2/acme/mailer~dev.json', '/p2/acme/suite.json']) {
      const ours = await get(path)
      assert.is(ours.headers['content-type'], 'application/json')
      assert.not.match(ours.body.toString(), upstream.url)
      const theirs = Buffer.from(await (await fetch(upstream.url + path)).arrayBuffer())
      const expected = versionsIn(theirs).map(({ dist, ...version }) =>
        dist === undefined ? version : { ...version, dist: ourDist(Dist.parse(dist), version) },
      )
      function ourDist(dist: z.infer<typeof Dist>, version: JsonObject) {
        const { name, version_normalized: normalized } = version
        const isBranch = String(normalized).includes('dev')
        const reference = isBranch ? '%reference%' : dist.reference
        const place = `${String(name)}/${versionToken(String(normalized))}/${reference}.zip`
        return { ...dist, url: `${url}/dist-proxy/${place}` }
      }
      const byVersion = (one: JsonObject, other: JsonObject) =>
        String(one['version']) < String(other['version']) ? -1 : 1
      assert.equal(
        JSON.parse(JSON.stringify(versionsIn(ours.body).toSorted(byVersion))),
        JSON.parse(JSON.stringify(expected.toSorted(byVersion))),
      )
    }
  })

  test('has a root file that is no mirror of other places', async ({ get, upstream }) => {
    for (const path of ['/packages.json', '/at/2026-05-01/packages.json']) {
      const { body } = await get(path)
      assert.not.match(body.toString(), 'mirrors')
      assert.not.match(body.toString(), upstream.url)
    }
  })

  test('is the same way as of an instant, recorded and reconstructed', async (service) => {
    const { get, upstream, clock } = service
    await get(log)
    clock.advance(600)
    for (const at of [compactInstant(clock.now()), '2025-04-01']) {
      const { statusCode, body } = await get(`/at/${at}${log}`)
      assert.is(statusCode, 200)
      assert.not.match(body.toString(), upstream.url, at)
      assert.match(body.toString(), '/dist-proxy/acme/log/')
    }
  })

  test('names our URL for archives that are not served here, which is then 404', async () => {
    const service = await open()
    const { get, upstream, database } = service
    const { reference } = await distOf(service, 'acme/log', '2.0.0')
    await get(log)
    await database.db
      .updateTable('package_reference')
      .set({ dist_url: 'https://elsewhere.example/x.zip' })
      .execute()
    assert.not.match((await get(log)).body.toString(), 'elsewhere')
    upstream.forget()
    assert.is((await get(`/dist-proxy/acme/log/2.0.0.0/${reference}.zip`)).statusCode, 404)
    assert.is(upstream.requests.length, 0)
    await service.close()
  })

  test('is revalidated by a date and a tag of its own', async ({ get, startNode }) => {
    const plain = await startNode({ PROXY_DIST_MODE: 'mirror' })
    for (const path of [log, `/at/2025-04-01${log}`, '/at/2025-04-01/packages.json']) {
      const [ours, theirs] = [await get(path), await plain(path)]
      for (const [asked, known, status] of [
        [get, ours, 304],
        [get, theirs, 200],
        [plain, theirs, 304],
        [plain, ours, 200],
      ] as const) {
        const { etag = '', 'last-modified': date = '' } = known.headers
        assert.is((await asked(path, { 'if-modified-since': date })).statusCode, status, path)
        assert.is((await asked(path, { 'if-none-match': etag })).statusCode, status, path)
      }
    }
  })
})

const paths = [
  log,
  '/p2/acme/log~dev.json',
  `/at/2025-04-01${log}`,
  '/packages.json',
  '/at/2025-04-01/packages.json',
] as const
const move = fc.oneof(
  { arbitrary: fc.record({ ask: fc.constantFrom(...paths), node: fc.nat({ max: 3 }) }), weight: 3 },
  { arbitrary: fc.record({ change: fc.constantFrom('tag', 'branch') }), weight: 1 },
)

const openFresh = async () =>
  await startService({ settings: { ...rewrite, PROXY_METADATA_TTL: '0' } })

describe('a client of proxies with other settings, over the same records', openFresh, (test) => {
  test('never is told to keep bytes that it would not get', async (service) => {
    const { upstream, clock, startNode } = service
    const nodes: Get[] = [
      service.get,
      await startNode({ PROXY_DIST_MODE: 'mirror' }),
      await startNode({ PUBLIC_URL: 'https://one.example' }),
      await startNode({ PUBLIC_URL: 'https://two.example', PROXY_DIST_MODE: 'mirror' }),
    ]
    clock.advance(3600)
    let kept = 0
    let versions = 0
    await fc.assert(
      fc.asyncProperty(fc.array(move, { minLength: 40, maxLength: 60 }), async (history) => {
        const cache = new Map<string, { readonly body: Buffer; readonly date: string }>()
        for (const each of history) {
          if ('change' in each) {
            if (each.change === 'branch') upstream.pushCommit('acme/log', 'main')
            else upstream.publish('acme/log', `7.${(versions += 1)}.0`)
            clock.advance(1)
            continue
          }
          const get = nodes[each.node] ?? service.get
          const before = cache.get(each.ask)
          const answer = await get(
            each.ask,
            before === undefined ? {} : { 'if-modified-since': before.date },
          )
          const { statusCode, body, headers } = answer
          if (statusCode === 304) {
            kept += 1
            assert.is(before?.body.toString(), (await get(each.ask)).body.toString(), each.ask)
          } else cache.set(each.ask, { body, date: headers['last-modified'] ?? '' })
        }
      }),
      { numRuns: times(3, 18), endOnFailure: true },
    )
    assert.ok(kept > times(5, 20), `${kept} answers were 304`)
  })
})
