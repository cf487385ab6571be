import * as assert from 'uvu/assert'
import { isTokenText } from '../../src/access/token-text.ts'
import { Problem } from '../../src/http/errors.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'
import {
  administering,
  counts,
  issueToken,
  listedToken,
  listTokens,
  refusalOf,
  revokeToken,
  unknownId,
} from '../support/tokens.ts'
import { verifyDatabase } from '../support/verify.ts'

describe('a token', startService, (test) => {
  test('is shown once, with what it allows, and in no list', async (service) => {
    const grants = [{ scope: 'read', vendors: ['acme', 'beta-2'] }, { scope: 'publish' }] as const
    const wanted = { name: 'Jürgens build server', grants, expiresAt: '2027-01-01T01:00:00+01:00' }
    const { token, ...shown } = await issueToken(service, wanted)
    assert.ok(isTokenText(token))
    assert.equal(shown, {
      id: shown.id,
      name: 'Jürgens build server',
      grants: [{ scope: 'read', vendors: ['acme', 'beta-2'] }, { scope: 'publish' }],
      state: 'active',
      issuedAt: '2026-06-01T00:00:00.000000Z',
      issuedBy: 'admin',
      expiresAt: '2027-01-01T00:00:00.000000Z',
      revokedAt: null,
      replacedBy: null,
      lastUsedAt: null,
      useCount: 0,
    })
    assert.equal(await listedToken(service, shown.id), shown)
  })

  test('can be given by whoever has one that may administer everything', async (service) => {
    const { api } = service
    const giver = await issueToken(service, { grants: administering })
    const json = { name: 'given', grants: [{ scope: 'read' }] }
    const { status, body } = await api('POST', '/api/v1/tokens', { json, token: giver.token })
    assert.is(status, 201)
    assert.match(JSON.stringify(body), `"issuedBy":"token ${giver.id}"`)
    const ofVendor = { grants: [{ scope: 'admin', vendors: ['acme'] }] } as const
    const { token } = await issueToken(service, ofVendor)
    assert.is((await api('POST', '/api/v1/tokens', { json, token })).status, 403)
    assert.is((await api('GET', '/api/v1/tokens', { token })).status, 403)
  })

  test('with a grant to administer one vendor freezes its packages, and no others', async (service) => {
    const { api } = service
    const grants = [{ scope: 'admin', vendors: ['acme'] }] as const
    const { id, token } = await issueToken(service, { grants })
    const freeze = async (name: string) =>
      await api('POST', `/api/v1/proxy/freeze/${name}`, { token, json: {} })
    const { status, body } = await freeze('acme/log')
    assert.is(status, 200)
    assert.match(JSON.stringify(body), `"by":"token ${id}"`)
    assert.is((await freeze('beta/text')).status, 403)
    const unfreeze = '/api/v1/proxy/unfreeze/acme/log'
    assert.is((await api('POST', unfreeze, { token })).status, 200)
  })

  test('counts until it is revoked, which takes no body and can be repeated', async (service) => {
    const { id, token } = await issueToken(service, { grants: administering })
    assert.ok(await counts(service, token))
    service.clock.advance(5)
    const revoked = await revokeToken(service, id)
    assert.is(revoked.state, 'revoked')
    assert.is(revoked.revokedAt, service.clock.now())
    assert.not(await counts(service, token))
    service.clock.advance(5)
    assert.equal(await revokeToken(service, id), revoked)
    const { body } = await service.api('DELETE', `/api/v1/tokens/${id.toUpperCase()}`, {
      json: { reason: 'once more' },
    })
    assert.equal(body, revoked)
    const events = (await service.events()).filter(({ type }) => type === 'TokenRevoked')
    assert.is(events.length, 1)
    assert.equal((await listTokens(service)).at(0), revoked, 'the newest is listed first')
  })

  test('counts until the microsecond in which it expires', async (service) => {
    const { clock } = service
    clock.set('2026-06-02T00:00:00Z')
    const { id, token } = await issueToken(service, {
      grants: administering,
      expiresAt: '2026-06-02T00:00:10Z',
    })
    clock.advance(9.999_999)
    assert.ok(await counts(service, token))
    assert.is((await listedToken(service, id))?.state, 'active')
    clock.advance(0.000_001)
    assert.not(await counts(service, token))
    assert.is((await listedToken(service, id))?.state, 'expired')
  })

  test('that is not there can be neither revoked nor rotated', async ({ api }) => {
    for (const [method, path] of [
      ['DELETE', `/api/v1/tokens/${unknownId}`],
      ['POST', `/api/v1/tokens/${unknownId}/rotate`],
    ] as const) {
      const { status, body } = await api(method, path)
      assert.is(status, 404)
      assert.is(Problem.parse(body).code, 'token_not_found')
    }
    assert.is((await api('DELETE', '/api/v1/tokens/me')).status, 400)
  })

  test('is not issued for what makes no sense', async (service) => {
    const ask = async (wrong: object) => {
      const json = { name: 'x', grants: [{ scope: 'read' }], ...wrong }
      return await refusalOf(service, '/api/v1/tokens', json)
    }
    const many = (n: number) => Array.from({ length: n }, (_, index) => `v${index}`)
    const grantsOfMany = Array.from({ length: 6 }, () => ({ scope: 'read', vendors: many(100) }))
    assert.match(await ask({ name: '' }), /^400 body: name must have at least 1/)
    assert.match(await ask({ name: 'a\nb' }), /^400 body: name must be one line/)
    assert.match(await ask({ grants: [] }), /^400 body: grants must have at least 1/)
    assert.match(await ask({ grants: [{ scope: 'write' }] }), /^400 .* one of read, publish, admin/)
    assert.match(await ask({ grants: grantsOfMany }), /^400 body: grants may name 500 vendors/)
    for (const vendor of ['Acme', 'acme/log', 'acme*', '*', '', 'a b', 'x'.repeat(101)]) {
      const wrong = { grants: [{ scope: 'read', vendors: [vendor] }] }
      assert.match(await ask(wrong), /^400 body: grants\.0\.vendors\.0 must/, vendor)
    }
    assert.match(await ask({ grants: [{ scope: 'read', vendors: [] }] }), /^400 /)
    assert.match(await ask({ expiresAt: '2027-01-01' }), /^400 body: expiresAt must be an instant/)
    assert.match(await ask({ expiresAt: '2026-05-01T00:00:00Z' }), /^400 expiresAt is over/)
    assert.match(await ask({ token: 'mine' }), /^400 .*means nothing here/)
  })

  test('may have as much as it can have', async (service) => {
    const vendors = Array.from({ length: 100 }, (_, n) => `${'v'.repeat(97)}${n + 100}`)
    const grants = Array.from({ length: 5 }, () => ({ scope: 'read' as const, vendors }))
    const name = '🐘'.repeat(50)
    const issued = await issueToken(service, { name, grants, reason: '🐘'.repeat(250) })
    assert.is(issued.grants[4]?.vendors?.length, 100)
    await revokeToken(service, issued.id)
  })

  test('is in the log with who did it, why, and for which request', async ({ api, events }) => {
    const json = { name: 'audited', grants: [{ scope: 'read' }], reason: 'for the audit' }
    const headers = { 'x-request-id': 'request-0815' }
    await api('POST', '/api/v1/tokens', { json, headers })
    const event = (await events()).at(-1)
    assert.is(event?.type, 'TokenIssued')
    const { actor, reason, requestId } = event?.type === 'TokenIssued' ? event.data : {}
    assert.equal(
      { actor, reason, requestId },
      { actor: 'admin', reason: 'for the audit', requestId: 'request-0815' },
    )
  })

  test('is the same in the read model, built from the log anew', async ({ database }) => {
    await verifyDatabase(database)
  })
})
