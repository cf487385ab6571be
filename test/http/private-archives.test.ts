import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { openPublishing, packageZip, type Publishing } from '../support/publishing.ts'
import { describe } from '../support/suite.ts'

const json = { name: 'own/log' }
const body = packageZip(json, 'x'.repeat(400_000) + Math.PI.toString())

interface Alert {
  readonly code: string
  readonly subject: string
  readonly state: string
  readonly action: string
}

async function privateAlerts({ api, runJob }: Publishing): Promise<readonly Alert[]> {
  await runJob('alerts')
  const { body: answer } = await api('GET', '/api/v1/proxy/alerts?state=open')
  const { alerts } = answer as { readonly alerts: readonly Alert[] }
  return alerts.filter(({ code }) => /archive/.test(code))
}

async function isWhole({ database }: Publishing): Promise<boolean> {
  const { rows } = await sql<{ right: boolean }>`
    select encode(sha256(lo_get(oid)), 'hex') = sha256 as right from blob`.execute(database.db)
  return rows.length > 0 && rows.every(({ right }) => right)
}

/** What a disk, or a restore that was not whole, may do to the archive of a version. */
const damages = [
  ['has another byte', "select lo_put(oid, 100, 'X') from blob"],
  ['lost its object', 'select lo_unlink(oid) from blob'],
  ['is gone', 'with gone as (delete from blob returning oid) select lo_unlink(oid) from gone'],
] as const

for (const [what, statement] of damages) {
  describe(`a private archive that ${what}`, openPublishing, (test) => {
    test('is found by the weekly check, and alerts in words that say how to repair it', async (service) => {
      const { put, clock, runJob, database } = service
      assert.is((await put('own/log/1.0.0', body)).status, 201)
      assert.equal(await privateAlerts(service), [])
      await sql.raw(statement).execute(database.db)
      clock.advance(8 * 86_400)
      await runJob('scrub')
      const [alert, ...others] = await privateAlerts(service)
      assert.equal(others, [])
      assert.is(alert?.code, 'private_archive_lost')
      assert.match(alert?.subject ?? '', /^own\/log 1\.0\.0 [0-9a-f]{12}$/)
      assert.match(alert?.action ?? '', 'Publish the same zip')
    })

    test('is kept for as long as it is all that is left', async ({ clock, runJob, database }) => {
      const before = await database.db.selectFrom('blob_quarantine').selectAll().execute()
      clock.advance(30 * 86_400)
      await runJob('cleanup')
      const after = await database.db.selectFrom('blob_quarantine').selectAll().execute()
      assert.equal(after, before)
      assert.is(after.length, what === 'has another byte' ? 1 : 0)
    })

    test('is there again once the same zip was published again', async (service) => {
      const { put, clock, runJob, events, database } = service
      const before = (await events()).filter(({ type }) => type.startsWith('Private')).length
      const { status, version } = await put('own/log/1.0.0', body)
      assert.equal([status, version.outcome], [200, 'unchanged'])
      assert.is((await events()).filter(({ type }) => type.startsWith('Private')).length, before)
      assert.ok(await isWhole(service))
      await privateAlerts(service)
      clock.advance(300)
      assert.equal(await privateAlerts(service), [])
      await runJob('cleanup')
      assert.equal(await database.db.selectFrom('blob_quarantine').selectAll().execute(), [])
    })

    test('is repaired although nobody has noticed', async (service) => {
      await sql.raw(statement).execute(service.database.db)
      assert.is((await service.put('own/log/1.0.0', body)).status, 200)
      assert.ok(await isWhole(service))
    })
  })
}

const tiny = async () => await openPublishing({ settings: { PROXY_MAX_CACHE_SIZE: '1' } })

describe('private archives', tiny, (test) => {
  test('are no part of the cache, however small that is', async (service) => {
    const { put, clock, runJob, api } = service
    assert.is((await put('own/log/1.0.0', body)).status, 201)
    clock.advance(30 * 86_400)
    await runJob('cleanup')
    assert.is((await api('POST', '/api/v1/proxy/purge', { json: { all: true } })).status, 200)
    assert.ok(await isWhole(service))
  })
})
