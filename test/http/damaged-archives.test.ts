import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { checkListed } from '../support/cache.ts'
import { distOf } from '../support/dist.ts'
import { type Service, startService } from '../support/service.ts'
import { describe, rejection } from '../support/suite.ts'

const distRequests = /^\/(dist|codeload)\//

/** Small archives, and one of which readers have got much before its damage can be noticed. */
async function open() {
  const lines: string[] = []
  const service = await startService({
    settings: { ARCHIVE_MEMORY_BYTES: '0' },
    onLogLine: (line) => lines.push(line),
    upstream: {
      packages: [1_000, 3_000_000].map((ballastBytes) => ({
        name: ballastBytes > 1_000 ? 'acme/large' : 'acme/small',
        description: 'Has archives',
        ballastBytes,
        tags: ['1.0.0', '1.1.0', '1.2.0', '1.3.0'].map((version) => [version, '2025-01-01']),
        branches: { main: ['2025-01-01'] },
      })),
    },
  })
  /** Stores the archive of that version. Where it is, and what it is. */
  async function stored(name: string, version: string) {
    const { reference } = await distOf(service, name, version)
    const path = `/dist-proxy/${name}/${version}.0/${reference}.zip`
    const { body } = await service.get(path)
    service.upstream.forget()
    return { path, body, sha256: createHash('sha256').update(body).digest('hex') }
  }
  return { ...service, lines, stored }
}

async function evictions({ events }: Pick<Service, 'events'>, sha256: string): Promise<unknown> {
  const told = (await events()).filter(({ data }) => 'reason' in data && 'sha256' in data)
  return told.flatMap(({ data }) =>
    'sha256' in data && data.sha256 === sha256 && 'reason' in data ? [data.reason] : [],
  )
}

describe('an archive that was damaged at rest', open, (test) => {
  test('never arrives whole when it is large, and comes from upstream after that', async (service) => {
    const { get, upstream, database, lines, stored } = service
    const { path, body, sha256 } = await stored('acme/large', '1.0.0')
    await sql`
      select lo_put(oid, 2500000, 'X') from blob where sha256 = ${sha256}`.execute(database.db)
    const readers = await Promise.allSettled(Array.from({ length: 5 }, async () => await get(path)))
    let cut = 0
    for (const reader of readers) {
      // Who comes after the first has met the damage gets it from upstream.
      if (reader.status === 'fulfilled') assert.ok(reader.value.body.equals(body))
      else {
        assert.match(String(reader.reason), /aborted|hang up|ECONNRESET/)
        cut += 1
      }
    }
    assert.ok(cut > 0)
    assert.equal(await evictions(service, sha256), ['corrupt'])
    const alerts = lines.filter((line) => line.includes('"alert":"archive_corrupt"'))
    assert.is(alerts.length, 1)
    assert.match(alerts[0] ?? '', sha256)
    await checkListed(database.db)

    assert.ok((await get(path)).body.equals(body))
    assert.is(upstream.requestsFor(distRequests).length, 1)
    assert.ok((await get(path)).body.equals(body))
    assert.is(upstream.requestsFor(distRequests).length, 1, 'and is here again')
    await checkListed(database.db)
  })

  test('comes from upstream at once when it is small', async (service) => {
    const { get, upstream, database, stored } = service
    const { path, body, sha256 } = await stored('acme/small', '1.0.0')
    await sql`select lo_put(oid, 100, 'X') from blob where sha256 = ${sha256}`.execute(database.db)
    const answers = await Promise.all(Array.from({ length: 5 }, async () => await get(path)))
    for (const answer of answers) assert.ok(answer.body.equals(body))
    assert.is(upstream.requestsFor(distRequests).length, 1)
    assert.equal(await evictions(service, sha256), ['corrupt'])
    await checkListed(database.db)
  })

  test('or lost altogether, comes from upstream at once, whole or in part', async (service) => {
    const { get, upstream, database, stored } = service
    const all = [
      await stored('acme/small', '1.1.0'),
      await stored('acme/large', '1.1.0'),
      await stored('acme/large', '1.2.0'),
    ]
    // As after a restore from a dump without large objects.
    await sql`select lo_unlink(oid) from blob`.execute(database.db)
    for (const { path, body, sha256 } of all.slice(0, 2)) {
      assert.ok((await get(path)).body.equals(body))
      assert.equal(await evictions(service, sha256), ['corrupt'])
    }
    const { path = '', body } = all[2] ?? {}
    const part = await get(path, { range: 'bytes=-1000' })
    assert.is(part.statusCode, 206)
    assert.ok(body?.subarray(-1000).equals(part.body))
    assert.is(upstream.requestsFor(distRequests).length, 3)
  })

  test('is found by the weekly check before somebody wants it', async (service) => {
    const { clock, database, runJob, stored, lines } = service
    const { sha256 } = await stored('acme/small', '1.2.0')
    await sql`select lo_put(oid, 100, 'X') from blob where sha256 = ${sha256}`.execute(database.db)
    clock.advance(7 * 86_400)
    await runJob('scrub')
    assert.equal(await evictions(service, sha256), [])
    clock.advance(1)
    lines.splice(0)
    await runJob('scrub')
    assert.equal(await evictions(service, sha256), ['corrupt'])
    assert.match(lines.join(''), sha256)
    await checkListed(database.db)
  })

  test('is not sent on in other bytes than those that were begun', async (service) => {
    const { get, upstream, database, stored, lines } = service
    const { reference } = await distOf(service, 'acme/large', '1.3.0')
    const { path, body, sha256 } = await stored('acme/large', '1.3.0')
    await sql`select lo_unlink(oid) from blob where sha256 = ${sha256}`.execute(database.db)
    upstream.alterArchive(reference, 'repacked')
    assert.match(String(await rejection(get(path))), /aborted|hang up|ECONNRESET/)
    assert.match(lines.at(-1) ?? '', 'an archive was cut off')
    const repacked = await get(path)
    assert.is(repacked.statusCode, 200)
    assert.not.equal(repacked.headers.etag, `"${sha256}"`)
    assert.ok(!repacked.body.equals(body))
  })
})
