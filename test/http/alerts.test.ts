import { sourcesOf } from '../support/sources.ts'
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { alert } from '../../projections/alert.ts'
import { alertCodes } from '../../src/alerts/codes.ts'
import { Problem } from '../../src/http/errors.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { rebuild } from '../../src/projector/rebuild.ts'
import { createSnapshotStore } from '../../src/snapshots/store.ts'
import { acknowledge, alertList, alertsOf, openAlert } from '../support/alerts.ts'
import { dumpSchema } from '../support/dump.ts'
import { secondOf } from '../support/feed.ts'
import { type Service, startService } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'

const text = '/p2/beta/text.json'
const hourSeconds = 3600
const daySeconds = 86_400

/** One alert that is resolved, an hour later one that is open, and an hour later another one. */
async function open() {
  const service = await startService()
  const { get, upstream, clock } = service
  const after = async (what: () => unknown) => {
    what()
    clock.advance(hourSeconds)
    await get(text)
  }
  await get(text)
  const clear = upstream.fail({ match: /beta\/text/, mode: 'html' })
  await after(() => undefined)
  await after(clear)
  await after(() => upstream.moveTag('beta/text', '1.0.1'))
  await after(() => upstream.withdraw('beta/text', '1.1.0'))
  return { ...service, after }
}

async function codes(service: Service, query?: string): Promise<readonly string[]> {
  return (await alertList(service, query)).alerts.map(({ code }) => code)
}

describe('the list of alerts', open, (test) => {
  test('has those that are open and those resolved lately, the newest first', async (service) => {
    assert.equal(await codes(service), ['version_withdrawn', 'reference_moved', 'document_refused'])
    const [first] = (await alertList(service)).alerts
    const { severity, action } = alertCodes.version_withdrawn
    assert.is(first?.severity, severity)
    assert.is(first?.action, action)
  })

  test('or only the one or the other', async (service) => {
    assert.equal(await codes(service, '?state=open'), ['version_withdrawn', 'reference_moved'])
    assert.equal(await codes(service, '?state=resolved'), ['document_refused'])
  })

  test('or what happened since', async (service) => {
    assert.equal(await codes(service, '?since=2026-06-01T04:00:00Z'), ['version_withdrawn'])
    assert.equal(await codes(service, '?since=2026-06-01T05:00:00%2B02:00'), [
      'version_withdrawn',
      'reference_moved',
    ])
    assert.equal(await codes(service, '?state=resolved&since=2026-06-01T02:00:00Z'), [
      'document_refused',
    ])
    assert.equal(await codes(service, '?state=resolved&since=2026-06-01T02:00:01Z'), [])
  })

  test('says up to when it tells everything', async (service) => {
    const { asOf, behind, stopped } = await alertList(service)
    const last = (await service.events()).at(-1)
    assert.is(asOf, secondOf(last?.recordedAt ?? service.clock.now()))
    assert.equal({ behind, stopped }, { behind: false, stopped: false })
  })

  test('refuses what is no state, no instant, or not to be asked', async ({ api }) => {
    for (const [query, word] of [
      ['?state=closed', 'one of open, resolved, all'],
      ['?since=2026-06-01', 'an instant with its zone'],
      ['?since=yesterday', 'an instant with its zone'],
      ['?code=upstream_failing', 'state, since'],
    ] as const) {
      const { status, body } = await api('GET', `/api/v1/proxy/alerts${query}`)
      assert.is(status, 400, query)
      assert.match(Problem.parse(body).detail, word)
    }
  })

  test('is the same when it is made anew from the log', async ({ database, log }) => {
    const before = await dumpSchema(database.db, schemaOf(alert))
    const snapshots = createSnapshotStore(database.db, () => undefined)
    await rebuild({
      db: database.db,
      log,
      projection: alert,
      sources: sourcesOf(snapshots.get),
    })
    assert.equal(await dumpSchema(database.db, schemaOf(alert)), before)
    assert.is(before['alert']?.length, 3)
  })

  test('forgets what was resolved a week ago, unless it is asked for', async (service) => {
    service.clock.advance(7 * daySeconds)
    assert.equal(await codes(service), ['version_withdrawn', 'reference_moved'])
    assert.equal(await codes(service, '?state=resolved'), ['document_refused'])
    assert.is((await codes(service, '?state=all')).length, 3)
  })
})

describe('an acknowledged alert', open, (test) => {
  test('of what happened once is closed, and who did it and why is recorded', async (service) => {
    const { api, clock } = service
    const moved = await openAlert(service, 'reference_moved')
    const { status, headers, body } = await api(
      'POST',
      `/api/v1/proxy/alerts/${moved.id}/acknowledge`,
      { json: { reason: 'They signed it anew.' } },
    )
    assert.is(status, 200)
    const at = secondOf(clock.now())
    const [shown] = await alertsOf(service, 'reference_moved')
    assert.equal(shown, {
      ...moved,
      state: 'resolved',
      resolvedAt: at,
      acknowledgedAt: at,
      acknowledgedBy: 'admin',
    })
    assert.is(Object(body)['id'], moved.id)
    const event = (await service.events()).at(-1)
    assert.equal(
      [event?.type, event?.stream, event?.data],
      [
        'AlertAcknowledged',
        'alerts',
        {
          id: moved.id,
          actor: 'admin',
          requestId: headers['x-request-id'],
          reason: 'They signed it anew.',
        },
      ],
    )
  })

  test('stays as it is when it is acknowledged again, or resolved already', async (service) => {
    const events = (await service.events()).length
    const [moved] = await alertsOf(service, 'reference_moved')
    const [refused] = await alertsOf(service, 'document_refused')
    assert.ok(moved && refused)
    assert.equal(await acknowledge(service, moved), moved)
    assert.equal(await acknowledge(service, refused), refused)
    assert.is((await service.events()).length, events)
  })

  test('opens no other for the same cause, but for another one', async (service) => {
    const { upstream, after } = service
    const clear = upstream.fail({ match: /beta\/text/, mode: 'html' })
    await after(() => undefined)
    const refused = await openAlert(service, 'document_refused')
    await acknowledge(service, refused)
    await after(() => undefined)
    assert.equal(await alertsOf(service, 'document_refused', '?state=open'), [])
    const [quiet] = await alertsOf(service, 'document_refused')
    assert.is(quiet?.id, refused.id)
    assert.is(quiet?.count, 2, 'that it goes on is counted')

    await after(clear)
    const html = upstream.fail({ match: /beta\/text/, mode: 'html' })
    await after(() => undefined)
    assert.is.not((await openAlert(service, 'document_refused')).id, refused.id)
    html()

    const [moved] = await alertsOf(service, 'reference_moved')
    await after(() => upstream.moveTag('beta/text', '1.0.1'))
    assert.is.not((await openAlert(service, 'reference_moved')).id, moved?.id)
  })

  test('that does not exist is 404; an id that is none is 400', async ({ api }) => {
    const ask = async (id: string) => {
      const { status, body } = await api('POST', `/api/v1/proxy/alerts/${id}/acknowledge`)
      return [status, Problem.parse(body).code]
    }
    assert.equal(await ask(randomUUID()), [404, 'alert_not_found'])
    assert.equal(await ask('latest'), [400, 'invalid_request'])
  })
})

describe('alerts that stopped to follow the log', startService, (test) => {
  test('say so', async (service) => {
    const { database, get, api } = service
    assert.equal(await alertList(service), {
      alerts: [],
      asOf: null,
      behind: false,
      stopped: false,
    })
    await get(text)
    const { asOf } = await alertList(service)
    await sql`alter table ${sql.table(`${schemaOf(alert)}.alert`)} rename to lost`.execute(
      database.db,
    )
    service.clock.advance(hourSeconds)
    await get('/p2/acme/log.json')
    await sql`alter table ${sql.table(`${schemaOf(alert)}.lost`)} rename to alert`.execute(
      database.db,
    )
    await eventually('it is stopped', async () => (await alertList(service)).stopped)
    const list = await alertList(service)
    assert.equal(list, { alerts: [], asOf, behind: true, stopped: true })
    const { status } = await api('POST', `/api/v1/proxy/alerts/${randomUUID()}/acknowledge`)
    assert.is(status, 404)
  })
})
