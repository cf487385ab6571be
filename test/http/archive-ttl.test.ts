import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import type { DomainEvent } from '../../src/events/types.ts'
import { distOf } from '../support/dist.ts'
import { startService, type Service } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'

const distRequests = /^\/(dist|codeload)\//
const dayInSeconds = 86_400

async function open() {
  const lines: string[] = []
  const service = await startService({ onLogLine: (line) => lines.push(line) })

  /** An archive that is stored, and a day old. */
  async function oldArchive(name: string, version: string) {
    const { reference } = await distOf(service, name, version)
    const path = `/dist-proxy/${name}/${version.replace(/^v/, '')}.0/${reference}.zip`
    const { body, headers } = await service.get(path)
    service.clock.advance(dayInSeconds)
    service.upstream.forget()
    return { path, reference, body, etag: headers.etag ?? '' }
  }
  /** The only event of its type. */
  async function recorded(type: DomainEvent['type'], about: string) {
    return await eventually(`${type} about ${about} is recorded`, async () => {
      const found = (await service.events()).filter((event) => {
        return event.type === type && event.stream === `archive-${about}`
      })
      assert.is(found.length, 1)
      return found
    })
  }
  return { ...service, lines, oldArchive, recorded }
}

async function evictAll({ database, restart }: Service): Promise<void> {
  await sql`with gone as (delete from blob returning oid) select lo_unlink(oid) from gone`.execute(
    database.db,
  )
  // What is in memory would still be served.
  await restart()
}

describe('an archive after PROXY_ARCHIVE_TTL', open, (test) => {
  test('is served at once, and upstream is asked whether it still has it', async (context) => {
    const { get, oldArchive, recorded, upstream, clock } = context
    const { path, body, etag } = await oldArchive('acme/log', '2.0.0')
    const gate = upstream.hold(distRequests)
    const answer = await get(path)
    assert.ok(answer.body.equals(body), 'without waiting for upstream')
    await gate.arrived
    gate.release()
    const [event] = await recorded('ArchiveConfirmed', 'acme/log')
    assert.is(Object.hasOwn(event?.data ?? {}, 'upstreamSha256'), false)
    const [request] = upstream.requestsFor(distRequests)
    assert.is(request?.headers['if-none-match'], etag)
    assert.is(request?.status, 304)
    upstream.forget()
    clock.advance(dayInSeconds - 60)
    await get(path)
    assert.is(upstream.requests.length, 0, 'not again within the day')
  })

  for (const [mode, name, version] of [
    ['reset', 'acme/http', '1.1.0'],
    ['status', 'acme/testing', '1.0.1'],
    ['html', 'acme/container', 'v1.1.0'],
  ] as const) {
    test(`is served whatever upstream does (${mode}), which is left alone for a minute`, async (context) => {
      const { get, oldArchive, upstream, clock, lines } = context
      const { path, body } = await oldArchive(name, version)
      const clear = upstream.fail({ match: distRequests, mode, status: 403 })
      const failures = () => lines.filter((line) => line.includes('revalidation ')).length
      for (const round of [1, 2]) {
        const before = failures()
        assert.ok((await get(path)).body.equals(body))
        await eventually(`it failed, ${round}`, () => failures() > before)
        upstream.forget()
        assert.ok((await get(path)).body.equals(body))
        assert.is(upstream.requests.length, 0)
        clock.advance(61)
      }
      clear()
    })
  }

  test('stays as it is when upstream packs the same files anew, which is noted', async (context) => {
    const { get, oldArchive, recorded, upstream } = context
    const { path, body, reference } = await oldArchive('acme/mailer', '1.1.0')
    upstream.alterArchive(reference, 'repacked')
    assert.ok((await get(path)).body.equals(body))
    const [event] = await recorded('ArchiveConfirmed', 'acme/mailer')
    assert.ok(Object.hasOwn(event?.data ?? {}, 'upstreamSha256'))
    assert.ok((await get(path)).body.equals(body))
    await evictAll(context)
    const anew = await get(path)
    assert.is(anew.statusCode, 200, 'and is accepted when the one that was here is gone')
    assert.is.not(anew.body.equals(body), true)
  })

  test('stays as it is when upstream offers other files, which is an alert', async (context) => {
    const { get, oldArchive, recorded, upstream, lines } = context
    const { path, body, reference } = await oldArchive('acme/framework', '1.1.0')
    upstream.alterArchive(reference, 'tampered')
    assert.ok((await get(path)).body.equals(body))
    await recorded('ArchiveDiffered', 'acme/framework')
    await eventually('it is in the log', () => lines.join('').includes('"alert":"archive_differs"'))
    assert.ok((await get(path)).body.equals(body))
    await evictAll(context)
    for (const again of [1, 2]) {
      const answer = await get(path)
      assert.is(answer.statusCode, 502, `other files are never served, ${again}`)
      assert.match(answer.body.toString(), 'other files')
    }
    await recorded('ArchiveDiffered', 'acme/framework')
    upstream.alterArchive(reference, 'original')
    assert.ok((await get(path)).body.equals(body))
  })

  test('counts as the last copy when upstream does not have it any more', async (context) => {
    const { get, oldArchive, recorded, upstream, database } = context
    const { path, body } = await oldArchive('acme/clock', '1.0.1')
    const clear = upstream.fail({ match: distRequests, mode: 'status', status: 404 })
    assert.ok((await get(path)).body.equals(body))
    await recorded('ArchiveMissing', 'acme/clock')
    clear()
    await eventually('it is worth more', async () => {
      const { rows } = await sql<{ worth: number }>`
        select worth from blob_use join blob_source using (sha256)
        where package_name = 'acme/clock'`.execute(database.db)
      return rows[0]?.worth === 2
    })
    assert.ok((await get(path)).body.equals(body))
  })
})
