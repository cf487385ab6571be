import * as assert from 'uvu/assert'
import { trimmedInstant } from '../../src/time-machine/instant.ts'
import { api, ask, away, forgedLines, questionFor, Told } from '../support/advisories.ts'
import { pass, poll, withFeed } from '../support/feed.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const down = [
  ['refuses', 'refuse'],
  ['answers 500', { status: 500 }],
  ['answers 404', { status: 404 }],
] as const

describe('advisories while upstream is away', startService, (test) => {
  test('are those it told last, with their date', async (service) => {
    const { clock, startNode } = service
    const alive = await ask(service, 'acme/log', 'beta/text')
    assert.equal(alive.ids, { 'acme/log': [forgedLines], 'beta/text': [] })
    assert.is(alive.headers['warning'], undefined)
    const other = { get: await startNode() }
    for (const [how, outage] of down) {
      await ask(service, 'acme/log', 'beta/text')
      const asOf = trimmedInstant(clock.now())
      clock.advance(3600)
      for (const node of [service, other]) {
        const stale = await away(
          service,
          outage,
          async () => await ask(node, 'acme/log', 'beta/text'),
        )
        assert.is(stale.status, 200, how)
        assert.equal(stale.advisories, alive.advisories, how)
        assert.match(stale.headers['warning'] ?? '', '110', how)
        assert.ok(Number(stale.headers['age']) >= 3600, how)
        assert.match(stale.notices, `these are as of ${asOf}`, how)
      }
    }
  })

  test('are 503 for all names when nothing is known of one', async (service) => {
    await ask(service, 'acme/log')
    const { status, advisories, warning } = await away(
      service,
      'refuse',
      async () => await ask(service, 'acme/log', 'acme/clock', 'made/up'),
    )
    assert.is(status, 503)
    assert.is(advisories, undefined)
    assert.match(warning ?? '', 'nothing is known here about the advisories of acme/clock, made/up')
  })

  test('are those of documents too, where those are newer or all that there is', async (service) => {
    const { upstream, get, clock } = service
    await ask(service, 'acme/log')
    upstream.advise('acme/log', {
      advisoryId: 'PKSA-new',
      title: 'New',
      affectedVersions: '<3',
      severity: 'high',
    })
    clock.advance(86_400)
    await get('/p2/acme/log.json')
    await get('/p2/acme/messages.json')
    const { ids, advisories } = await away(
      service,
      'refuse',
      async () => await ask(service, 'acme/log', 'acme/messages'),
    )
    assert.equal(ids, { 'acme/log': [forgedLines, 'PKSA-new'], 'acme/messages': [] })
    const added = advisories?.['acme/log']?.[1]
    assert.is(added?.['affectedVersions'], '<3')
    assert.equal(added?.['sources'], [{ name: new URL(upstream.url).host, remoteId: 'PKSA-new' }])
  })

  test('leave out what upstream said it doesn’t have', async (service) => {
    const { get } = service
    assert.is((await get('/p2/acme/nothing.json')).statusCode, 404)
    await ask(service, 'acme/log')
    const { ids } = await away(
      service,
      'refuse',
      async () => await ask(service, 'acme/nothing', 'acme/log'),
    )
    assert.equal(Object.keys(ids ?? {}), ['acme/log'])
  })

  test('aren’t kept of a package that upstream has no more', async (service) => {
    const { upstream, clock } = service
    await ask(service, 'acme/messages', 'acme/http')
    upstream.deletePackage('acme/http')
    clock.advance(1)
    assert.equal((await ask(service, 'acme/http')).ids, {})
    const kept = await away(service, 'refuse', async () => await ask(service, 'acme/http'))
    assert.is(kept.status, 503)
  })

  test('by their date are 503', async (service) => {
    const { get } = service
    const since = `${api}?updatedSince=1700000000`
    assert.match((await get(since)).body.toString(), forgedLines)
    const { statusCode, body } = await away(service, 'refuse', async () => await get(since))
    assert.is(statusCode, 503)
    assert.not.match(body.toString(), '"advisories"')
  })
})

describe('advisories', startService, (test) => {
  test('are kept while upstream tells them in no form that counts', async (service) => {
    const { upstream } = service
    await ask(service, 'acme/log')
    for (const body of [
      '{}',
      '[]',
      '{"advisories":null}',
      '{"advisories":{"acme/log":null,"acme/framework":null}}',
      '{"advisories":{"acme/log":"none","acme/framework":"none"}}',
      '<html>',
    ]) {
      const clear = upstream.fail({ match: /security-advisories/, mode: 'own-words', body })
      assert.equal((await ask(service, 'acme/log')).ids, { 'acme/log': [forgedLines] }, body)
      assert.is((await ask(service, 'acme/framework')).status, 503, body)
      clear()
    }
  })

  test('are asked for without the slash at the end as well', async ({ url, get }) => {
    const { body } = await get(questionFor(['acme/log']).replace('/?', '?'))
    assert.match(body.toString(), forgedLines)
    const form = new URLSearchParams({ 'packages[0]': 'acme/log' })
    const posted = await fetch(url + api.slice(0, -1), { method: 'POST', body: form })
    assert.match(await posted.text(), forgedLines)
  })

  test('of many names are asked for in several questions', async (service) => {
    const { upstream, url } = service
    upstream.forget()
    const names = [...Array.from({ length: 1_200 }, (_, n) => `made/up-${n}`), 'acme/log']
    const body = new URLSearchParams(names.map((name): [string, string] => ['packages[]', name]))
    const posted = await fetch(url + api, { method: 'POST', body })
    const { advisories } = Told.parse(await posted.json())
    assert.equal(Object.keys(advisories ?? {}), ['acme/log'])
    assert.is(upstream.requestsFor(/security-advisories/).length, 3)
  })

  test('of more names than anybody has are refused', async ({ url, upstream }) => {
    upstream.forget()
    const body = Array.from({ length: 10_001 }, (_, n) => `packages[]=a/${n}`).join('&')
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const { status } = await fetch(url + api, { method: 'POST', body, headers })
    assert.is(status, 400)
    assert.is(upstream.requests.length, 0)
  })
})

describe('advisories with a list of all names', withFeed(), (test) => {
  test('leave out what the list lacks, as of when upstream was last heard of', async (service) => {
    const { clock } = service
    await poll(service)
    await service.runJob('name list')
    pass(service, 60)
    await poll(service)
    await ask(service, 'acme/log')
    clock.advance(7200)
    const { ids, headers } = await away(
      service,
      'refuse',
      async () => await ask(service, 'made/up', 'acme/log'),
    )
    assert.equal(ids, { 'acme/log': [forgedLines] })
    assert.is(headers['age'], '7200')
    const listed = await away(service, 'refuse', async () => await ask(service, 'acme/clock'))
    assert.is(listed.status, 503)
  })
})
