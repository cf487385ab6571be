import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { distOf } from '../support/dist.ts'
import { startService } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'

/** Two nodes that keep no archives in memory. */
async function open() {
  const service = await startService({ settings: { ARCHIVE_MEMORY_BYTES: '0' } })
  const { get, api } = service
  const other = await service.startNode()
  const { reference } = await distOf(service, 'acme/log', '2.0.0')
  const path = `/dist-proxy/acme/log/2.0.0.0/${reference}.zip`
  async function decide(verb: string, json: object): Promise<void> {
    const { status, body } = await api('POST', `/api/v1/proxy/${verb}`, { json })
    assert.is(status, 200, JSON.stringify(body))
  }
  /** On the node that was told at once, on the other one as soon as it hears of it. */
  async function answersAre(status: number): Promise<void> {
    assert.is((await get(path)).statusCode, status)
    await eventually(`the other node answers ${status}`, async () => {
      return (await other(path)).statusCode === status
    })
  }
  return { ...service, other, path, reference, decide, answersAre }
}

describe('an archive that was served a moment ago', open, (test) => {
  test('is not served once its version is blocked, until it is not', async (context) => {
    const { decide, answersAre } = context
    await answersAre(200)
    await decide('block', { package: 'acme/log', constraint: '^2' })
    await answersAre(410)
    await decide('unblock', { package: 'acme/log' })
    await answersAre(200)
  })

  test('is not served once its package is frozen without it, until it is not', async (context) => {
    const { decide, answersAre } = context
    await answersAre(200)
    await decide('freeze/acme/log', { at: '2024-01-01' })
    await answersAre(404)
    await decide('unfreeze/acme/log', {})
    await answersAre(200)
  })

  test('is what upstream has now once its package was purged', async (context) => {
    const { get, other, path, upstream, reference, decide, answersAre } = context
    await answersAre(200)
    const { etag } = (await get(path)).headers
    upstream.alterArchive(reference, 'tampered')
    await decide('purge', { package: 'acme/log' })
    const altered = (await get(path)).headers.etag
    assert.is.not(altered, etag)
    await eventually('the other node serves it too', async () => {
      return (await other(path)).headers.etag === altered
    })
  })

  test('is fetched again when it was evicted meanwhile', async (context) => {
    const { get, other, path, upstream, database, answersAre } = context
    await answersAre(200)
    upstream.forget()
    await sql`with evicted as (delete from blob returning oid) select lo_unlink(oid) from evicted`.execute(
      database.db,
    )
    for (const ask of [other, get]) assert.is((await ask(path)).statusCode, 200)
    assert.is(upstream.requestsFor(/^\/dist\//).length, 1)
  })
})
