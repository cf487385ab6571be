import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { acknowledge, alertsOf, openAlert } from '../support/alerts.ts'
import { distOf } from '../support/dist.ts'
import { secondOf } from '../support/feed.ts'
import { type Service, startService } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'

const text = '/p2/beta/text.json'
const hourSeconds = 3600
/** And a little more: events that are recorded at once are dated one after the other. */
const daySeconds = 86_401

/** Asks for a document once what is here is too old. */
async function fetchAnew({ get, clock }: Service, path: string): Promise<void> {
  clock.advance(hourSeconds)
  assert.is((await get(path)).statusCode, 200)
}

describe('alerts of what upstream says', startService, (test) => {
  test('a document that is none: until upstream sends one that is', async (service) => {
    const { get, upstream, clock } = service
    await get(text)
    const clear = upstream.fail({ match: /beta\/text/, mode: 'html' })
    await fetchAnew(service, text)
    const first = await openAlert(service, 'document_refused')
    assert.is(first.subject, 'beta/text')
    assert.is(first.severity, 'warning')
    assert.is(first.count, 1)
    assert.is(first.firstSeenAt, secondOf(clock.now()))
    assert.match(first.action, 'the last good one is served')

    await fetchAnew(service, text)
    const second = await openAlert(service, 'document_refused')
    assert.equal(second, { ...first, count: 2, lastSeenAt: secondOf(clock.now()) })
    clear()
    await fetchAnew(service, text)
    assert.equal(await alertsOf(service, 'document_refused', '?state=open'), [])
    assert.equal(await alertsOf(service, 'document_refused'), [
      { ...second, state: 'resolved', resolvedAt: secondOf(clock.now()) },
    ])
  })

  test('a document that could not be fetched is none of these', async (service) => {
    const { upstream } = service
    const clear = upstream.fail({ match: /beta\/text/, mode: 'garbage-json', times: 1 })
    await fetchAnew(service, text)
    clear()
    const [, before, ...others] = await alertsOf(service, 'document_refused')
    assert.is(before?.state, 'resolved', 'this one is another alert')
    assert.equal(others, [])
    const refused = upstream.fail({ match: /acme\/http/, mode: 'status', status: 500 })
    assert.is((await service.get('/p2/acme/http.json')).statusCode, 503)
    refused()
    assert.is((await alertsOf(service, 'document_refused', '?state=open')).length, 1)
    await fetchAnew(service, text)
    assert.equal(await alertsOf(service, 'document_refused', '?state=open'), [])
  })

  test('versions that are left out: until all can be loaded', async (service) => {
    const { get, upstream, clock } = service
    const mailer = '/p2/acme/mailer.json'
    await get(mailer)
    upstream.publish('acme/mailer', '6.6.6', { require: { php: 7 as unknown as string } }) // the fault
    await fetchAnew(service, mailer)
    const first = await openAlert(service, 'versions_left_out')
    assert.is(first.subject, 'acme/mailer')
    assert.match(first.detail, 'One version')
    await fetchAnew(service, mailer)
    assert.equal(
      await openAlert(service, 'versions_left_out'),
      first,
      '"not modified" says nothing',
    )
    upstream.touch('acme/mailer')
    await fetchAnew(service, mailer)
    assert.is((await openAlert(service, 'versions_left_out')).count, 2)
    upstream.withdraw('acme/mailer', '6.6.6')
    await fetchAnew(service, mailer)
    const [resolved] = await alertsOf(service, 'versions_left_out')
    assert.is(resolved?.resolvedAt, secondOf(clock.now()))
  })

  test('a tag that moved: until it is back', async (service) => {
    const { upstream, clock } = service
    const reference = async () => (await distOf(service, 'beta/text', '1.0.1')).reference
    const from = await reference()
    const to = upstream.moveTag('beta/text', '1.0.1')
    await fetchAnew(service, text)
    const first = await openAlert(service, 'reference_moved')
    assert.is(first.subject, 'beta/text 1.0.1')
    assert.is(first.severity, 'critical')
    assert.is(first.detail, `1.0.1 of beta/text was the commit ${from} and is ${to} now.`)
    upstream.moveTag('beta/text', '1.0.1')
    await fetchAnew(service, text)
    const second = await openAlert(service, 'reference_moved')
    assert.is(second.id, first.id)
    assert.is(second.count, 2)
    upstream.moveTag('beta/text', '1.0.1', from)
    await fetchAnew(service, text)
    const [resolved] = await alertsOf(service, 'reference_moved')
    assert.is(resolved?.resolvedAt, secondOf(clock.now()))
  })

  test('a version that is gone: until it is there again', async (service) => {
    const { upstream, clock } = service
    upstream.withdraw('beta/text', '1.1.0')
    upstream.withdraw('beta/text', '1.2.0')
    await fetchAnew(service, text)
    const gone = await alertsOf(service, 'version_withdrawn', '?state=open')
    assert.equal(gone.map(({ subject }) => subject).toSorted(), [
      'beta/text 1.1.0',
      'beta/text 1.2.0',
    ])
    upstream.publish('beta/text', '1.1.0')
    await fetchAnew(service, text)
    const left = await openAlert(service, 'version_withdrawn')
    assert.is(left.subject, 'beta/text 1.2.0')
    assert.equal(await acknowledge(service, left), {
      ...left,
      state: 'resolved',
      resolvedAt: secondOf(clock.now()),
      acknowledgedAt: secondOf(clock.now()),
      acknowledgedBy: 'admin',
    })
    upstream.publish('beta/text', '1.2.0')
    await fetchAnew(service, text)
    upstream.withdraw('beta/text', '1.2.0')
    await fetchAnew(service, text)
    assert.is.not((await openAlert(service, 'version_withdrawn')).id, left.id)
  })

  test('branches come and go', async (service) => {
    const { get, upstream, clock } = service
    await get('/p2/beta/edge~dev.json')
    upstream.pushCommit('beta/edge', 'main')
    upstream.deletePackage('beta/edge')
    clock.advance(hourSeconds)
    await get('/p2/beta/edge~dev.json')
    assert.equal(
      (await alertsOf(service, 'version_withdrawn', '?state=open')).map(({ subject }) => subject),
      ['beta/text 1.2.0'],
    )
  })
})

describe('alerts of archives', startService, (test) => {
  test('other files under the same reference: until upstream has those it had', async (service) => {
    const { get, upstream, clock } = service
    const { reference } = await distOf(service, 'acme/framework', '1.1.0')
    const path = `/dist-proxy/acme/framework/1.1.0.0/${reference}.zip`
    await get(path)
    /** A request for what is too old has upstream asked behind the answer, unless it is being asked. */
    const askedAgain = async (probe: () => Promise<void>) => {
      clock.advance(daySeconds)
      await eventually('upstream was asked', async () => {
        clock.advance(61)
        await get(path)
        await probe()
        return true
      })
    }
    upstream.alterArchive(reference, 'tampered')
    for (const count of [1, 2]) {
      await askedAgain(async () => {
        const alert = await openAlert(service, 'archive_differs')
        assert.is(alert.count, count)
        assert.is(alert.subject, `acme/framework ${reference}.zip`)
      })
    }
    upstream.alterArchive(reference, 'original')
    await askedAgain(async () => {
      const [alert] = await alertsOf(service, 'archive_differs')
      assert.is(alert?.state, 'resolved')
    })
  })

  test('a damaged one: until it is here again', async (service) => {
    const { get, database, clock, restart } = service
    const { reference } = await distOf(service, 'acme/log', '2.0.0')
    const path = `/dist-proxy/acme/log/2.0.0.0/${reference}.zip`
    const { body } = await get(path)
    await sql`
      select lo_put(oid, 100, 'X') from blob join archive using (sha256)
      where package_name = 'acme/log'`.execute(database.db)
    await restart() // or it would come from memory
    const gate = service.upstream.hold(/^\/(dist|codeload)\//)
    const answer = get(path)
    await gate.arrived
    const alert = await openAlert(service, 'archive_corrupt')
    assert.is(alert.severity, 'critical')
    assert.match(alert.subject, /^[0-9a-f]{64}$/)
    gate.release()
    assert.ok((await answer).body.equals(body))
    const [resolved] = await alertsOf(service, 'archive_corrupt')
    assert.equal(resolved, { ...alert, state: 'resolved', resolvedAt: secondOf(clock.now()) })
  })
})
