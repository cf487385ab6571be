import * as assert from 'uvu/assert'
import { distOf } from '../support/dist.ts'
import { startService } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'

interface Frozen {
  readonly package: string
  readonly frozen: boolean
  readonly at: string
  readonly since: string
  readonly by: string
  readonly reason: string | null
  readonly heldBack: {
    readonly versions: readonly string[]
    readonly moved: readonly {
      readonly version: string
      readonly served: string
      readonly upstream: string
    }[]
  }
}

async function open() {
  const service = await startService({ settings: { PROXY_METADATA_TTL: '60' } })
  const { api, get, clock, upstream, events } = service
  const ask = async (verb: string, name: string, json: object = {}) =>
    await api('POST', `/api/v1/proxy/${verb}/${name}`, { json })
  async function freeze(name: string, json: object = {}): Promise<Frozen> {
    const { status, body } = await ask('freeze', name, json)
    assert.is(status, 200, JSON.stringify(body))
    return body as Frozen
  }
  return {
    ...service,
    ask,
    freeze,
    unfreeze: async (name: string) => assert.is((await ask('unfreeze', name)).status, 200),
    document: async (name: string) => (await get(`/p2/${name}.json`)).body.toString(),
    archiveOf: async (name: string, version: string, reference: string) =>
      (await get(`/dist-proxy/${name}/${version}/${reference}.zip`)).statusCode,
    /** What is fresh now isn't any more. */
    later: (seconds = 3600) => {
      clock.advance(seconds)
      upstream.at(`${clock.now().slice(0, 19)}Z`)
    },
    decisions: async () =>
      (await events()).filter(({ type }) => /^Package(Unf|F)rozen$/.test(type)),
  }
}

describe('a package that is frozen', open, (test) => {
  test('is served as it was, tags and branches, though upstream goes on', async (service) => {
    const { freeze, unfreeze, document, upstream, later } = service
    const [tags, branches] = [await document('acme/log'), await document('acme/log~dev')]
    const frozen = await freeze('acme/log', { reason: '2.0 breaks the shop' })
    const { package: name, frozen: isFrozen, by, reason, heldBack } = frozen
    assert.equal(
      { name, isFrozen, by, reason, heldBack },
      {
        name: 'acme/log',
        isFrozen: true,
        by: 'admin',
        reason: '2.0 breaks the shop',
        heldBack: { versions: [], moved: [] },
      },
    )
    assert.is(frozen.at, frozen.since)
    later()
    upstream.publish('acme/log', '9.0.0')
    upstream.pushCommit('acme/log', 'main')
    later()
    assert.is(await document('acme/log'), tags)
    assert.is(await document('acme/log~dev'), branches)
    await unfreeze('acme/log')
    assert.match(await document('acme/log'), '"9.0.0"')
    assert.is.not(await document('acme/log~dev'), branches)
  })

  test('is observed all the same, and what is held back is shown', async (service) => {
    const { freeze, document, upstream, later, ask } = service
    const before = await distOf(service, 'acme/http', 'dev-main')
    await freeze('acme/http')
    later()
    upstream.publish('acme/http', '9.0.0')
    const reference = upstream.pushCommit('acme/http', 'main')
    later()
    await document('acme/http')
    await document('acme/http~dev')
    await eventually('both were observed', async () => {
      const { body } = await ask('freeze', 'acme/http')
      const { versions, moved } = (body as Frozen).heldBack
      assert.equal(versions, ['9.0.0'])
      assert.equal(moved, [{ version: 'dev-main', served: before.reference, upstream: reference }])
      return true
    })
  })

  test('has the archives of its versions, and no others', async (service) => {
    const { freeze, unfreeze, get, archiveOf, upstream, later } = service
    const old = await distOf(service, 'beta/text', '2.0.0')
    const head = await distOf(service, 'beta/text', 'dev-main')
    await freeze('beta/text')
    later()
    const reference = upstream.publish('beta/text', '9.0.0')
    const moved = upstream.pushCommit('beta/text', 'main')
    later()
    assert.is(await archiveOf('beta/text', '2.0.0.0', old.reference), 200)
    assert.is(await archiveOf('beta/text', 'dev-main', head.reference), 200)
    assert.is(await archiveOf('beta/text', '9.0.0.0', reference), 404)
    assert.is(await archiveOf('beta/text', 'dev-main', moved), 404)
    const refused = await get(`/dist-proxy/beta/text/9.0.0.0/${reference}.zip`)
    assert.match(refused.body.toString(), /frozen as it was at/)
    await unfreeze('beta/text')
    assert.is(await archiveOf('beta/text', '9.0.0.0', reference), 200)
    assert.is(await archiveOf('beta/text', 'dev-main', moved), 200)
    await freeze('beta/text', { at: '2026-05-31' })
    assert.is(await archiveOf('beta/text', '9.0.0.0', reference), 404, 'though it is kept here')
  })

  test('may be held at an instant of the past, and is then what a pin shows', async (service) => {
    const { freeze, get } = service
    const pinned = await get('/at/2025-06-01/p2/acme/mailer.json')
    const { at } = await freeze('acme/mailer', { at: '2025-06-01' })
    assert.is(at, '2025-06-01T23:59:59.999999Z')
    const live = await get('/p2/acme/mailer.json')
    assert.ok(live.body.equals(pinned.body))
    assert.not.match(live.body.toString(), '"1.1.0"')
    assert.is(live.headers['x-time-machine'], pinned.headers['x-time-machine'])
  })

  test('stays so when upstream deletes it', async (service) => {
    const { freeze, document, upstream, later, get } = service
    await freeze('acme/clock')
    const tags = await document('acme/clock')
    upstream.deletePackage('acme/clock')
    for (let check = 0; check < 4; check++) {
      later()
      await document('acme/clock')
    }
    assert.is(await document('acme/clock'), tags)
    assert.is((await get('/p2/acme/clock~dev.json')).statusCode, 200)
  })

  test('has branches that upstream denied if they were there then, and none that came later', async (service) => {
    const { freeze, get, upstream, later } = service
    const clear = upstream.fail({ match: /~dev/, mode: 'status', status: 404 })
    for (const name of ['beta/fonts', 'beta/edge']) await freeze(name)
    clear()
    later()
    upstream.pushCommit('beta/fonts', 'main')
    assert.is((await get('/p2/beta/fonts~dev.json')).statusCode, 404)
    assert.is((await get('/p2/beta/edge~dev.json')).statusCode, 200)
  })

  test('is seen by pins from the time on when it was frozen', async (service) => {
    const { freeze, unfreeze, get, clock, upstream, later } = service
    const path = 'p2/acme/container.json'
    const first = (await get(`/${path}`)).body.toString()
    later()
    const before = clock.now()
    later()
    await freeze('acme/container', { at: '2025-01-01' })
    later()
    const during = clock.now()
    upstream.publish('acme/container', 'v9.0.0')
    later()
    await get(`/${path}`)
    await unfreeze('acme/container')
    await get(`/${path}`)
    later()
    const after = clock.now()
    later()
    const versionsAt = async (at: string) => (await get(`/at/${at}/${path}`)).body.toString()
    assert.is(await versionsAt(before), first)
    assert.not.match(await versionsAt(during), 'v1.1.0')
    assert.match(await versionsAt(during), 'v1.0.1')
    assert.match(await versionsAt(after), 'v9.0.0')
  })
})

describe('freezing', open, (test) => {
  test('again changes nothing and records nothing; another instant moves it', async (service) => {
    const { freeze, ask, decisions, later } = service
    const first = await freeze('acme/log', { at: '2025-01-01', reason: 'first' })
    later()
    assert.equal(await freeze('acme/log', { at: '2025-01-01', reason: 'second' }), first)
    assert.equal(await freeze('acme/log'), first)
    assert.is((await decisions()).length, 1)
    const moved = await freeze('acme/log', { at: '2025-02-01T00:00:00Z' })
    assert.is(moved.at, '2025-02-01T00:00:00.000000Z')
    assert.is((await decisions()).length, 2)
    for (const times of [1, 2]) {
      const { status, body } = await ask('unfreeze', 'acme/log')
      assert.is(status, 200, `${times}`)
      assert.equal(body, { package: 'acme/log', frozen: false })
    }
    assert.is((await decisions()).length, 3)
    assert.is((await ask('unfreeze', 'acme/never-frozen')).status, 200)
  })

  test('at the same time is recorded once', async (service) => {
    const { freeze, decisions } = service
    const before = (await decisions()).length
    await Promise.all(Array.from({ length: 6 }, async () => await freeze('acme/http')))
    assert.is((await decisions()).length, before + 1)
  })

  test('is an event that says who, why and for which request', async ({ api, decisions }) => {
    const request = { json: { reason: 'audit' }, headers: { 'x-request-id': 'build-4711' } }
    await api('POST', '/api/v1/proxy/freeze/acme/mailer', request)
    await api('POST', '/api/v1/proxy/unfreeze/acme/mailer', request)
    const events = (await decisions()).slice(-2)
    for (const { stream, data } of events) {
      assert.is(stream, 'package-acme/mailer')
      const { actor, requestId, reason } = data as Record<string, unknown> // an event of this kind
      assert.equal([actor, requestId, reason], ['admin', 'build-4711', 'audit'])
    }
  })

  test('fetches what was never asked for', async ({ freeze, document, upstream }) => {
    upstream.forget()
    await freeze('beta/text')
    assert.is(upstream.requestsFor(/beta\/text(~dev)?\.json/).length, 2)
    assert.match(await document('beta/text'), '"2.0.1"')
  })

  test('what upstream does not have is 404, and 503 when it does not answer', async (service) => {
    const { ask, upstream, decisions } = service
    const before = (await decisions()).length
    const missing = await ask('freeze', 'acme/nothing')
    assert.is(missing.status, 404)
    assert.is((missing.body as { code: string }).code, 'package_not_found')
    const clear = upstream.fail({ match: /acme\/framework/, mode: 'status', status: 400 })
    const failing = await ask('freeze', 'acme/framework')
    clear()
    assert.is(failing.status, 503)
    assert.is((failing.body as { code: string }).code, 'upstream_unavailable')
    assert.is((await decisions()).length, before)
  })

  for (const [json, code, says] of [
    [{ at: '2026-06-02' }, 'invalid_instant', 'yet to come'],
    [{ at: '2026-02-30' }, 'invalid_instant', 'no such moment'],
    [{ at: 'yesterday' }, 'invalid_instant', '2024-05-01'],
    [{ until: '2026-06-02' }, 'invalid_request', 'at, reason'],
    [{ reason: 'two\nlines' }, 'invalid_request', 'one line'],
  ] as const) {
    test(`with ${JSON.stringify(json)} is 400 and says what to write`, async ({ ask }) => {
      const { status, body } = await ask('freeze', 'acme/testing', json)
      assert.is(status, 400)
      const problem = body as { code: string; detail: string }
      assert.is(problem.code, code)
      assert.match(problem.detail, says)
    })
  }

  test('what is no name is 404', async ({ ask }) => {
    for (const verb of ['freeze', 'unfreeze']) {
      assert.is((await ask(verb, 'Acme/Log')).status, 404)
    }
  })
})
