import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { distOf } from '../support/dist.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const dayInSeconds = 86_400

/** Both packages have an archive and both documents here; the second has been used a day later. */
async function open() {
  const service = await startService()
  const { get, clock } = service
  async function fill(name: string, version: string) {
    const { reference } = await distOf(service, name, version)
    const path = `/dist-proxy/${name}/${version}.0/${reference}.zip`
    const archive = await get(path)
    await get(`/p2/${name}.json`)
    await get(`/p2/${name}~dev.json`)
    return { path, reference, archive }
  }
  const log = await fill('acme/log', '2.0.0')
  clock.advance(dayInSeconds)
  const http = await fill('acme/http', '1.1.0')
  const sizeOf = async () => {
    const { rows } = await sql<{ blobs: number; listed: number }>`
      select (select count(*)::int from blob) as blobs, (select blobs::int from blob_use_total) as listed
      `.execute(service.database.db)
    return rows[0]
  }
  const purge = async (json: object) => await service.api('POST', '/api/v1/proxy/purge', { json })
  return { ...service, packages: { log, http }, sizeOf, purge }
}

describe('a purge', open, (test) => {
  test('that is only tried says what would go, and changes nothing', async (context) => {
    const { purge, sizeOf, events, packages } = context
    const before = await events()
    const { status, body } = await purge({ dryRun: true })
    assert.is(status, 200)
    assert.equal(body, {
      dryRun: true,
      archives: 2,
      sizeBytes: packages.log.archive.body.length + packages.http.archive.body.length,
      lastCopies: 0,
      documents: 4,
    })
    const old = await purge({ dryRun: true, olderThan: 'PT12H' })
    assert.is((old.body as { archives: number }).archives, 1)
    assert.is((old.body as { documents: number }).documents, 2)
    const one = await purge({ dryRun: true, package: 'acme/http' })
    assert.is((one.body as { archives: number }).archives, 1)
    assert.is((one.body as { documents: number }).documents, 2)
    assert.equal(await sizeOf(), { blobs: 2, listed: 2 })
    assert.equal((await events()).filter(isNotUse), before.filter(isNotUse))
  })

  test('of what is old evicts it from the disk and from memory, and nothing else', async (context) => {
    const { purge, sizeOf, get, upstream, packages } = context
    await get('/p2/acme/http.json')
    await purge({ olderThan: 'PT12H', reason: 'to save space' })
    assert.equal(await sizeOf(), { blobs: 1, listed: 1 })
    upstream.forget()
    assert.is((await get(packages.http.path)).statusCode, 200)
    await get('/p2/acme/http.json')
    assert.is(upstream.requests.length, 0)
    const again = await get(packages.log.path)
    assert.ok(again.body.equals(packages.log.archive.body))
    assert.is(upstream.requestsFor(/^\/dist\//).length, 1, 'it is fetched again')
  })

  test('of a package has its documents asked for again, and they are served if that fails', async (context) => {
    const { purge, get, upstream, clock } = context
    await purge({ package: 'acme/http' })
    upstream.forget()
    const clear = upstream.fail({ match: /^\/p2\/acme\/http/, mode: 'status', status: 400 })
    const stale = await get('/p2/acme/http.json')
    assert.is(stale.statusCode, 200)
    assert.match(stale.headers['warning'] ?? '', '110')
    clear()
    clock.advance(6)
    const fresh = await get('/p2/acme/http.json')
    assert.is(fresh.headers['warning'], undefined)
    const [asked] = upstream.requestsFor(/^\/p2\/acme\/http\.json/).slice(-1)
    assert.is(asked?.headers['if-modified-since'], undefined, 'for what it has, whatever its date')
    upstream.forget()
    await get('/p2/acme/http.json')
    assert.is(upstream.requests.length, 0, 'once is enough')
  })

  test('of a package accepts what upstream has now in place of what differed', async (context) => {
    const { purge, get, upstream, packages } = context
    await get(packages.log.path)
    upstream.alterArchive(packages.log.reference, 'tampered')
    await purge({ all: true })
    assert.is((await get(packages.log.path)).statusCode, 502, 'not by purging everything')
    await purge({ package: 'acme/log' })
    assert.is((await get(packages.log.path)).statusCode, 200)
  })

  test('is an event that says who, why and how much', async (context) => {
    const { purge, events } = context
    await purge({ package: 'acme/nothing', reason: 'a try' })
    const event = (await events()).findLast(({ type }) => type === 'CachePurged')
    const { actor, reason, packageName, archives } = { ...event?.data } as Record<string, unknown> // it is one
    assert.equal([actor, reason, packageName, archives], ['admin', 'a try', 'acme/nothing', 0])
  })

  for (const [json, what] of [
    [{ olderThan: '30 days' }, 'olderThan'],
    [{ olderThan: 'P1M' }, 'olderThan'],
    [{ olderThan: 'P' }, 'olderThan'],
    [{ olderThan: 'P1DT' }, 'olderThan'],
    [{ package: 'Acme' }, 'package'],
    [{ dry: true }, 'dry'],
    [{}, '"all": true'],
    [{ all: false }, 'all'],
    [{ all: true, package: 'acme/log' }, 'and neither'],
    [{ all: true, olderThan: 'P30D' }, 'and neither'],
  ] as const) {
    test(`of ${JSON.stringify(json)} is 400 and says which field is wrong`, async ({ purge }) => {
      const { status, body } = await purge(json)
      assert.is(status, 400)
      assert.match((body as { detail: string }).detail, what)
    })
  }
})

function isNotUse({ type }: { readonly type: string }): boolean {
  return type !== 'ArchivesAccessed'
}
