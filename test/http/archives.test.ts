import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { distOf } from '../support/dist.ts'
import { startService, type Service } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const md5 = (text: string) => createHash('md5').update(text).digest('hex')
const distRequests = /^\/(dist|codeload)\//

async function stored(service: Service): Promise<number> {
  return (await service.events()).filter(({ type }) => type === 'ArchiveStored').length
}

describe('archives', startService, (test) => {
  test('are fetched once, kept under their hash, and served as upstream sent them', async (service) => {
    const { get, upstream, database } = service
    const { url, reference } = await distOf(service, 'acme/log', '2.0.0')
    await get('/p2/acme/log.json')
    const path = `/dist-proxy/acme/log/2.0.0.0/${reference}.zip`
    const first = await get(path)
    assert.is(first.statusCode, 200)
    const original = Buffer.from(await (await fetch(url)).arrayBuffer())
    assert.ok(first.body.equals(original))
    assert.is(first.headers['content-length'], String(original.length))
    const sha256 = createHash('sha256').update(original).digest('hex')
    assert.is(first.headers.etag, `"${sha256}"`)
    upstream.forget()
    assert.ok((await get(path)).body.equals(original))
    assert.is(upstream.requests.length, 0, 'the second time it is here')
    const { rows } = await sql<{ oid: number }>`
      select oid from blob where sha256 = ${sha256}`.execute(database.db)
    assert.is(rows.length, 1)
    const event = (await service.events()).find(({ type }) => type === 'ArchiveStored')
    assert.match(JSON.stringify(event?.data), sha256)
  })

  test('answer HEAD with their length, and 304 to who has them', async (service) => {
    const { get, url } = service
    const { reference } = await distOf(service, 'acme/log', '2.0.0')
    const path = `/dist-proxy/acme/log/2.0.0.0/${reference}.zip`
    const { headers } = await get(path)
    const head = await fetch(url + path, { method: 'HEAD' })
    assert.is(head.headers.get('content-length'), headers['content-length'])
    assert.is((await get(path, { 'if-none-match': headers.etag ?? '' })).statusCode, 304)
  })

  test('are found for a lock file too, whose metadata nobody asked for yet', async (service) => {
    const { reference } = await distOf(service, 'acme/http', '1.1.0')
    const answer = await service.get(`/dist-proxy/acme/http/1.1.0.0/${reference}.zip`)
    assert.is(answer.statusCode, 200)
  })

  test('of branches with a slash are found by the hash that Composer makes of the version', async (service) => {
    const { reference } = await distOf(service, 'acme/mailer', 'dev-feature/queue')
    const answer = await service.get(
      `/dist-proxy/acme/mailer/${md5('dev-feature/queue')}/${reference}.zip`,
    )
    assert.is(answer.statusCode, 200)
  })

  test('of a tag that was moved are both found, the old by what was recorded', async (service) => {
    const { get, upstream, clock } = service
    const before = await distOf(service, 'beta/text', '1.0.1')
    await get('/p2/beta/text.json')
    upstream.moveTag('beta/text', '1.0.1')
    const after = await distOf(service, 'beta/text', '1.0.1')
    assert.is.not(before.reference, after.reference)
    clock.advance(3600)
    await get('/p2/beta/text.json')
    for (const { reference } of [before, after]) {
      const answer = await get(`/dist-proxy/beta/text/1.0.1.0/${reference}.zip`)
      assert.is(answer.statusCode, 200, reference)
    }
  })

  test('that no metadata ever named are 404, and upstream is not asked for them', async (service) => {
    const { get, upstream } = service
    await get('/p2/acme/log.json')
    await get('/p2/acme/log~dev.json')
    upstream.forget()
    const answer = await get(`/dist-proxy/acme/log/2.0.0.0/${'a'.repeat(40)}.zip`)
    assert.is(answer.statusCode, 404)
    assert.is(upstream.requestsFor(distRequests).length, 0)
  })

  for (const path of [
    '/dist-proxy/acme/log/2.0.0.0/NOTHEX.zip',
    '/dist-proxy/acme/log/2.0.0.0/abc.exe',
    '/dist-proxy/acme/log/..%2f..%2fetc/abc.zip',
    '/dist-proxy/Acme/log/2.0.0.0/abc.zip',
    '/dist-proxy/acme/log/2.0.0.0/http:%2f%2fexample.org.zip',
  ]) {
    test(`${path} is 404 without asking upstream`, async ({ get, upstream }) => {
      upstream.forget()
      assert.is((await get(path)).statusCode, 404)
      assert.is(upstream.requests.length, 0)
    })
  }

  test('20 that want the same at once cause one download', async (service) => {
    const { get, upstream } = service
    const { reference } = await distOf(service, 'beta/fonts', '1.0.0')
    await get('/p2/beta/fonts.json')
    upstream.forget()
    const before = await stored(service)
    const gate = upstream.hold(distRequests)
    const asked = Array.from({ length: 20 }, async () => {
      return await get(`/dist-proxy/beta/fonts/1.0.0.0/${reference}.zip`)
    })
    await gate.arrived
    gate.release()
    for (const { statusCode } of await Promise.all(asked)) assert.is(statusCode, 200)
    assert.is(upstream.requestsFor(distRequests).length, 1)
    assert.is(await stored(service), before + 1)
  })
})

describe('archives that are not what they should be', startService, (test) => {
  for (const mode of ['truncate', 'html', 'reset', 'close-delimited-short'] as const) {
    test(`${mode}: nothing is kept, the client is told why, and then it works`, async (service) => {
      const { get, upstream } = service
      const { reference } = await distOf(service, 'acme/container', 'v1.1.0')
      await sql`delete from archive`.execute(service.database.db)
      const before = await stored(service)
      const path = `/dist-proxy/acme/container/1.1.0.0/${reference}.zip`
      const clear = upstream.fail({ match: distRequests, mode })
      const answer = await get(path)
      clear()
      assert.ok([502, 404].includes(answer.statusCode), String(answer.statusCode))
      assert.match(answer.body.toString(), '"warning":')
      assert.is(await stored(service), before)
      assert.is((await get(path)).statusCode, 200)
    })
  }

  test('a SHA-1 other than the one in metadata is refused', async (service) => {
    const { get, upstream } = service
    const { reference, shasum } = await distOf(service, 'acme/clock', '1.0.1')
    assert.match(shasum, /^[0-9a-f]{40}$/)
    upstream.alterArchive(reference, 'repacked')
    const answer = await get(`/dist-proxy/acme/clock/1.0.1.0/${reference}.zip`)
    assert.is(answer.statusCode, 502)
    assert.match(answer.body.toString(), shasum)
  })

  test('an archive that finds no room in PostgreSQL is passed on and not kept', async (service) => {
    const { get, database } = service
    const { reference } = await distOf(service, 'acme/log', '2.1.0')
    const path = `/dist-proxy/acme/log/2.1.0.0/${reference}.zip`
    const before = await stored(service)
    await sql`
      create function no_room() returns trigger language plpgsql as
      $$ begin raise 'the disk is full' using errcode = 'disk_full'; end $$`.execute(database.db)
    await sql`
      create trigger no_room before insert on blob execute function no_room()`.execute(database.db)
    const passedOn = await get(path)
    assert.is(passedOn.statusCode, 200)
    assert.is(await stored(service), before)
    await sql`drop function no_room cascade`.execute(database.db)
    assert.ok((await get(path)).body.equals(passedOn.body))
    assert.is(await stored(service), before + 1)
  })

  test('a host that is not allowed is not asked, whatever metadata says', async (service) => {
    const { get, upstream, database } = service
    const { reference } = await distOf(service, 'acme/framework', '1.1.0')
    await get('/p2/acme/framework.json')
    await sql`
      update package_reference set dist_url = 'http://127.0.0.2:1/evil.zip'
      where package_name = 'acme/framework'`.execute(database.db)
    upstream.forget()
    const answer = await get(`/dist-proxy/acme/framework/1.1.0.0/${reference}.zip`)
    assert.is(answer.statusCode, 404, 'so that Composer goes on to the origin by itself')
    assert.match(answer.body.toString(), '127.0.0.2:1')
    assert.is(upstream.requests.length, 0)
  })

  test('a client that leaves in the middle harms nobody', async (service) => {
    const { get, url } = service
    const { reference } = await distOf(service, 'beta/fonts', '1.0.0')
    const path = `/dist-proxy/beta/fonts/1.0.0.0/${reference}.zip`
    await get(path)
    await new Promise<void>((resolve) => {
      const leaving = request(url + path, (response) =>
        response.once('data', () => leaving.destroy()),
      )
      leaving.on('error', () => undefined).on('close', () => resolve())
      leaving.end()
    })
    assert.is((await get(path)).statusCode, 200)
  })
})

describe(
  'archives behind a redirect',
  async () => await startService({ upstream: { redirectsDists: true } }),
  (test) => {
    test('are followed to an allowed place, also without a Content-Length', async (service) => {
      const { reference } = await distOf(service, 'acme/log', '2.1.0')
      const answer = await service.get(`/dist-proxy/acme/log/2.1.0.0/${reference}.zip`)
      assert.is(answer.statusCode, 200)
      assert.ok(Number(answer.headers['content-length']) > 100)
    })
  },
)
