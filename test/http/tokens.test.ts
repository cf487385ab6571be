import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { token as tokenProjection } from '../../projections/token.ts'
import { isTokenText } from '../../src/access/token-text.ts'
import { Problem } from '../../src/http/errors.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { authorization } from '../support/api.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'
import {
  issueToken,
  listedToken,
  listTokens,
  revokeToken,
  rotateToken,
  unknownId,
} from '../support/tokens.ts'
import { verifyDatabase } from '../support/verify.ts'

const administering = [{ scope: 'admin' }] as const
const someRoute = '/api/v1/proxy/blocks'

async function counts({ api }: Pick<Service, 'api'>, token: string): Promise<boolean> {
  const { status } = await api('GET', someRoute, { token })
  assert.ok(status === 200 || status === 401, `${status}`)
  return status === 200
}

async function refusal(
  { api }: Pick<Service, 'api'>,
  path: string,
  json: unknown,
): Promise<string> {
  const { status, body } = await api('POST', path, { json })
  return `${status} ${Problem.parse(body).detail}`
}

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
      return await refusal(service, '/api/v1/tokens', json)
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

describe('a rotated token', startService, (test) => {
  test('has a successor with its name and grants, and counts for a day beside it', async (service) => {
    const { clock } = service
    const old = await issueToken(service, { name: 'to rotate', grants: administering })
    const next = await rotateToken(service, old.id, { reason: 'as every month' })
    assert.is.not(next.token, old.token)
    assert.is(next.name, old.name)
    assert.equal(next.grants, old.grants)
    assert.is(next.expiresAt, null)
    const { replacedBy, expiresAt } = (await listedToken(service, old.id)) ?? {}
    assert.equal({ replacedBy, expiresAt }, { replacedBy: next.id, expiresAt: dayLater })
    clock.advance(86_399)
    assert.ok(await counts(service, old.token))
    assert.ok(await counts(service, next.token))
    clock.advance(1)
    assert.not(await counts(service, old.token))
    assert.ok(await counts(service, next.token))
    assert.is((await listedToken(service, old.id))?.state, 'expired')
  })

  test('counts for as long as was asked for, and never longer than it would have', async (service) => {
    const { clock } = service
    const at = clock.now()
    const unlimited = await issueToken(service, { grants: administering })
    await rotateToken(service, unlimited.id, { overlapSeconds: 0 })
    assert.not(await counts(service, unlimited.token))
    const short = await issueToken(service, { grants: administering, expiresAt: hourAfter(at) })
    const next = await rotateToken(service, short.id)
    assert.is((await listedToken(service, short.id))?.expiresAt, hourAfter(at))
    assert.is(next.expiresAt, hourAfter(at), 'the new one for as long as the old one was meant to')
    const path = `/api/v1/tokens/${next.id}/rotate`
    for (const overlapSeconds of [-1, 1.5, 2_592_001, '60']) {
      assert.match(await refusal(service, path, { overlapSeconds }), /^400 body: overlapSeconds/)
    }
    const expiresAt = '2026-05-01T00:00:00Z'
    assert.match(await refusal(service, path, { expiresAt }), /^400 expiresAt is over/)
    const last = await rotateToken(service, next.id, {
      overlapSeconds: 2_592_000,
      expiresAt: '2030-01-01T00:00:00Z',
    })
    assert.is(last.expiresAt, '2030-01-01T00:00:00.000000Z')
  })

  test('can not be rotated again; nor can one that counts no more', async (service) => {
    const { clock } = service
    const path = (id: string) => `/api/v1/tokens/${id}/rotate`
    const rotated = await issueToken(service)
    await rotateToken(service, rotated.id)
    assert.match(await refusal(service, path(rotated.id), {}), /^409 .* successor already/)
    const revoked = await issueToken(service)
    await revokeToken(service, revoked.id)
    assert.match(await refusal(service, path(revoked.id), {}), /^409 the token is revoked/)
    clock.advance(86_400)
    assert.match(await refusal(service, path(rotated.id), {}), /^409 the token is expired/)
  })

  test('has one successor, however many ask for one at once', async (service) => {
    const { api, events } = service
    const { id } = await issueToken(service)
    const asked = Array.from({ length: 10 }, async () => {
      return (await api('POST', `/api/v1/tokens/${id}/rotate`)).status
    })
    const statuses = await Promise.all(asked)
    assert.equal(statuses.toSorted(), [201, ...Array.from({ length: 9 }, () => 409)])
    const successors = (await events()).filter(
      ({ type, data }) => type === 'TokenIssued' && data.replaces?.tokenId === id,
    )
    assert.is(successors.length, 1)
  })

  test('may be revoked at once, and its successor goes on', async (service) => {
    const old = await issueToken(service, { grants: administering })
    const next = await rotateToken(service, old.id)
    await revokeToken(service, old.id)
    assert.not(await counts(service, old.token))
    assert.ok(await counts(service, next.token))
    await revokeToken(service, next.id)
    assert.not(await counts(service, next.token))
  })

  test('is the same in the read model, built from the log anew', async ({ database }) => {
    await verifyDatabase(database)
  })
})

const dayLater = '2026-06-02T00:00:00.000000Z'

function hourAfter(at: string): string {
  return new Date(Date.parse(at) + 3_600_000).toISOString().replace('Z', '000Z')
}

async function startTwo() {
  const service = await startService()
  return { ...service, node: await service.startNode() }
}

describe('tokens on two nodes', startTwo, (test) => {
  test('count on both at once, and no more on both at once', async (service) => {
    const onNode = async (token: string) => {
      return (await service.node(someRoute, { authorization: authorization(token) })).statusCode
    }
    for (let round = 0; round < 10; round++) {
      const { id, token } = await issueToken(service, { grants: administering })
      assert.is(await onNode(token), 200)
      await revokeToken(service, id)
      assert.is(await onNode(token), 401)
    }
  })

  test('have their uses counted together, and over restarts', async (service) => {
    const { clock, runJob, restart, node, get } = service
    const { id, token } = await issueToken(service)
    const basic = { authorization: authorization(token, 'Basic') }
    const path = '/p2/beta/text.json'
    await get(path, basic)
    clock.advance(10)
    await node(path, basic)
    await node(path, basic)
    assert.is((await listedToken(service, id))?.useCount, 0)
    await runJob('token uses', 1)
    await runJob('token uses', 0)
    const used = async () => {
      await readModelsCatchUp(service)
      const { useCount, lastUsedAt } = (await listedToken(service, id)) ?? {}
      return `${useCount} ${lastUsedAt}`
    }
    assert.is(await used(), '3 2026-06-01T00:00:10.000000Z')
    clock.advance(10)
    await get(path, basic)
    await restart()
    assert.is(await used(), '4 2026-06-01T00:00:20.000000Z')
    clock.advance(10)
    await get(path)
    await service.api('GET', someRoute, { token: `${token}x` })
    await restart()
    assert.is(await used(), '4 2026-06-01T00:00:20.000000Z')
  })

  test('are not used any more once they are revoked', async (service) => {
    const { id, token } = await issueToken(service)
    await revokeToken(service, id)
    const { statusCode } = await service.get('/p2/beta/text.json', {
      authorization: authorization(token),
    })
    assert.is(statusCode, 200, 'what is public is for everybody')
    await service.restart()
    assert.is((await listedToken(service, id))?.useCount, 0)
  })
})

/** Any write waits for all of them; revoking what is revoked writes nothing. */
async function readModelsCatchUp(service: Service): Promise<void> {
  const { id } = await issueToken(service, { name: 'comes after' })
  await revokeToken(service, id)
}

describe('without a database', startService, (test) => {
  test('no token is refused, and none is taken', async (service) => {
    const { token } = await issueToken(service, { grants: administering })
    await service.withoutDatabase(async () => {
      for (const path of [someRoute, '/api/v1/nothing', '/p2/acme/log.json', '/search.json?q=x']) {
        const { status, headers } = await service.api('GET', path, { token })
        assert.is(status, 503, path)
        assert.ok(Number(headers['retry-after']) > 0)
      }
      assert.is((await service.get('/p2/acme/log.json')).statusCode, 503, 'reserved or not')
    })
    assert.ok(await counts(service, token))
  })
})

describe('a read model of tokens that is not built yet', startService, (test) => {
  test('says neither that a token counts nor that it does not', async (service) => {
    const { api, database, restart } = service
    const { token } = await issueToken(service, { grants: administering })
    const schema = schemaOf(tokenProjection)
    const build = sql.id(schema, 'token')
    await sql`alter table ${build} rename to hidden`.execute(database.db)
    await sql`update projection_checkpoint set position = 0 where schema_name = ${schema}`.execute(
      database.db,
    )
    await restart()
    assert.is((await api('GET', someRoute, { token })).status, 503)
    assert.is((await api('GET', someRoute)).status, 200, 'the admin token is not among them')
    await sql`alter table ${sql.id(schema, 'hidden')} rename to token`.execute(database.db)
    await restart()
    assert.ok(await counts(service, token))
  })
})
