import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { DocumentName } from '../../src/composer/names.ts'
import { newEvent } from '../../src/events/new-event.ts'
import { documentStream } from '../../src/events/types.ts'
import { createSnapshotStore, sha256Of } from '../../src/snapshots/store.ts'
import {
  acknowledge,
  alertList,
  alertsOf,
  isOpen,
  isResolved,
  openAlert,
  watch,
} from '../support/alerts.ts'
import { distOf } from '../support/dist.ts'
import { startService } from '../support/service.ts'
import { describe, eventually, rejection } from '../support/suite.ts'

describe('alerts of the cache', startService, (test) => {
  test('larger than it may be, until it is not', async (service) => {
    const { get, restart, runJob, database } = service
    const { reference } = await distOf(service, 'acme/log', '2.0.0')
    await get(`/dist-proxy/acme/log/2.0.0.0/${reference}.zip`)
    await restart({ PROXY_MAX_CACHE_SIZE: '100', PROXY_CLEANUP_INTERVAL: '60' })
    await runJob('alerts')
    await watch(service, 120)
    assert.is(await isOpen(service, 'cache_over_limit'), false, 'the next cleanup may mend it')
    await watch(service, 15)
    const alert = await openAlert(service, 'cache_over_limit')
    assert.match(alert.detail, /^Archives take \d+ bytes, and the limit is 100\.$/)
    await sql`
      create trigger nothing_goes before delete on blob
        for each statement execute function refuse_change()`.execute(database.db)
    await rejection(runJob('cleanup'))
    await watch(service, 135)
    assert.is((await openAlert(service, 'cache_over_limit')).id, alert.id, 'it cannot shrink')
    await sql`drop trigger nothing_goes on blob`.execute(database.db)
    await runJob('cleanup')
    await watch(service, 135)
    await isResolved(service, alert)
  })
})

/** A disk of 100 bytes, of which the test says how many are free. */
async function withDisk() {
  const disk = { freeBytes: 10 }
  const diskSpace = async () => ({ ...disk, totalBytes: 100 })
  return { ...(await startService({ diskSpace })), disk }
}

describe('alerts of the disk', withDisk, (test) => {
  test('nearly full, until there is a little more than was missing', async (service) => {
    const { disk } = service
    await watch(service, 15)
    assert.is(await isOpen(service, 'disk_nearly_full'), false)
    disk.freeBytes = 9
    await watch(service, 15)
    const alert = await openAlert(service, 'disk_nearly_full')
    assert.match(alert.detail, '9 of 100 bytes are free')
    disk.freeBytes = 11
    await watch(service, 600)
    assert.is(await isOpen(service, 'disk_nearly_full'), true)
    disk.freeBytes = 12
    await watch(service, 135)
    await isResolved(service, alert)
  })
})

describe('alerts of read models', startService, (test) => {
  test('that stopped, until they go on', async (service) => {
    const { log: events, database, clock, restart } = service
    const body = Buffer.from('{"packages":{"acme/log":[]}}')
    const document = DocumentName.parse('acme/log')
    const data = {
      document,
      sha256: sha256Of(body),
      sizeBytes: body.length,
      fetchedAt: clock.now(),
    }
    await events.append({
      stream: documentStream(document),
      expected: 'any',
      events: [newEvent({ type: 'MetadataChanged', data })], // of bytes that aren't there
    })
    const alert = await eventually('it is seen', async () => {
      await service.runJob('alerts')
      const open = await alertsOf(service, 'projection_stopped', '?state=open')
      return open.find(({ subject }) => subject === 'version_rule')
    })
    if (alert === undefined) throw new Error('it was seen')
    const seen = await acknowledge(service, alert)
    assert.is(seen.acknowledgedBy, 'admin', 'though another read model is stopped')
    const { behind, stopped } = await alertList(service)
    assert.equal({ behind, stopped }, { behind: false, stopped: false })

    await createSnapshotStore(database.db, () => undefined).put(body, undefined)
    await restart()
    await eventually('it is resolved', async () => {
      await watch(service, 135)
      await isResolved(service, alert)
      return true
    })
  })
})
