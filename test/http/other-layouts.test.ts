import * as assert from 'uvu/assert'
import { alertsOf, openAlert } from '../support/alerts.ts'
import { pass } from '../support/feed.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const log = '/p2/acme/log.json'
const code = 'document_refused'
const composer1 = JSON.stringify({ packages: [], 'providers-url': '/p/%package%$%hash%.json' })

/** Has documents of two packages, and no feed that could say what is gone. */
async function open() {
  const service = await startService({ upstream: { hasFeed: false } })
  for (const path of ['/packages.json', log]) await service.get(path)
  return service
}

describe('an upstream that has another layout from now on', open, (test) => {
  test('is told by an alert, and what is known goes on being served, however often it is missing', async (service) => {
    const { get, upstream } = service
    const [root, before] = [await get('/packages.json'), await get(log)]
    const clear = [
      upstream.fail({ match: /^\/packages\.json$/, mode: 'own-words', body: composer1 }),
      upstream.fail({ match: /^\/p2\//, mode: 'status', status: 404 }),
    ]
    for (let checks = 0; checks < 5; checks++) {
      pass(service, 3_600)
      const answer = await get(log)
      assert.is(answer.statusCode, 200)
      assert.ok(answer.body.equals(before.body))
      assert.is((await get('/packages.json')).body.toString(), root.body.toString())
    }
    const { subject, detail } = await openAlert(service, code)
    assert.is(subject, 'packages.json')
    assert.match(detail, 'in the layout of Composer 1 (`providers-url`)')
    assert.match(detail, 'what can be read is a repository with `metadata-url`')
    assert.is((await get('/p2/acme/container.json')).statusCode, 503, 'nobody can tell')
    for (const each of clear) each()
  })

  test('is one again when it has the former layout', async (service) => {
    const { get } = service
    pass(service, 3_600)
    assert.is((await get('/packages.json')).statusCode, 200)
    assert.equal(await alertsOf(service, code, '?state=open'), [])
    assert.is((await get('/p2/acme/container.json')).statusCode, 200)
    assert.is((await get('/p2/acme/nothing.json')).statusCode, 404)
  })

  test('may be gone altogether', async (service) => {
    const { get, upstream } = service
    const clear = upstream.fail({ match: /./, mode: 'status', status: 404 })
    for (let checks = 0; checks < 5; checks++) {
      pass(service, 3_600)
      assert.is((await get(log)).statusCode, 200)
    }
    clear()
  })

  test('may have documents without any package', async (service) => {
    const { get, upstream } = service
    const clear = upstream.fail({ match: /./, mode: 'own-words', body: '{"packages":{}}' })
    for (let checks = 0; checks < 5; checks++) {
      pass(service, 3_600)
      assert.is((await get(log)).statusCode, 200)
    }
    assert.is((await get('/p2/acme/nothing-known.json')).statusCode, 503, 'nobody can tell')
    clear()
  })

  test('may have a page in the place of all it had', async (service) => {
    const { get, upstream } = service
    const page = '<!DOCTYPE html><title>Closed for repairs</title>'
    const clear = upstream.fail({ match: /./, mode: 'own-words', body: page })
    pass(service, 3_600)
    assert.is((await get('/packages.json')).statusCode, 200)
    const root = (await alertsOf(service, code, '?state=open')).find(
      ({ subject }) => subject === 'packages.json',
    )
    assert.match(root?.detail ?? '', 'an HTML or XML page, not JSON')
    clear()
  })

  test('has its root file asked for once a minute at most, for what it says is gone', async (service) => {
    const { get, upstream } = service
    pass(service, 3_600)
    const clear = upstream.fail({ match: /^\/p2\//, mode: 'status', status: 404 })
    upstream.forget()
    for (let checks = 0; checks < 4; checks++) {
      for (const path of [log, '/p2/acme/container.json']) await get(path)
      for (const name of ['a', 'b']) await get(`/p2/acme/${name}${checks}.json`)
      pass(service, 61)
    }
    assert.ok(upstream.requestsFor(/^\/packages\.json$/).length <= 4)
    clear()
  })
})
