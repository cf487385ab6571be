import * as assert from 'uvu/assert'
import { newTokenText } from '../../src/access/token-text.ts'
import type { Route } from '../../src/http/route.ts'
import {
  expectedCell,
  type PrincipalName,
  principals,
  type VendorName,
} from '../support/access-table.ts'
import {
  adminToken,
  type ApiAnswer,
  type AuthScheme,
  metricsToken,
  pathOf,
} from '../support/api.ts'
import { type Service, type ServiceOptions, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'
import { issueToken, revokeToken } from '../support/tokens.ts'

type Tokens = Readonly<Record<PrincipalName, string | undefined>>

/** A token of each principal, of which the one that expires has expired. */
async function tokensOf(service: Service): Promise<Tokens> {
  const issue = async (scope: 'read' | 'publish' | 'admin', vendor?: string) => {
    const vendorsOfGrant = vendor === undefined ? {} : { vendors: [vendor] }
    return (await issueToken(service, { grants: [{ scope, ...vendorsOfGrant }] })).token
  }
  const grants = [{ scope: 'admin' }] as const
  const expiring = await issueToken(service, { grants, expiresAt: '2026-06-01T00:00:01Z' })
  const revoked = await issueToken(service, { grants })
  await revokeToken(service, revoked.id)
  service.clock.advance(1)
  return {
    nobody: undefined,
    'a wrong token': newTokenText(),
    'an expired token': expiring.token,
    'a revoked token': revoked.token,
    METRICS_TOKEN: metricsToken,
    read: await issue('read'),
    'read acme': await issue('read', 'acme'),
    'read beta': await issue('read', 'beta'),
    'publish acme': await issue('publish', 'acme'),
    'publish beta': await issue('publish', 'beta'),
    'admin acme': await issue('admin', 'acme'),
    admin: await issue('admin'),
    ADMIN_TOKEN: adminToken,
  }
}

interface Opened extends Service {
  readonly tokens: Tokens
}

function opening(settings: ServiceOptions['settings'] = {}): () => Promise<Opened> {
  return async () => {
    const own = { PRIVATE_VENDORS: 'acme', METRICS_TOKEN: metricsToken }
    const service = await startService({ settings: { ...own, ...settings } })
    return { ...service, tokens: await tokensOf(service) }
  }
}

interface Question {
  readonly method: string
  readonly path: string
  /** Of something that isn't there. */
  readonly missing: string
  readonly vendor: VendorName
}

/** What is asked of a route: with each vendor, when it names one. GET is asked as HEAD, too. */
function questionsTo(route: Route): readonly Question[] {
  const methods = route.method === 'get' ? ['get', 'head'] : [route.method]
  const named = /:vendor\b/.test(route.path) ? (['acme', 'beta'] as const) : (['none'] as const)
  return methods.flatMap((method) =>
    named.map((vendor) => ({
      method,
      path: pathOf(route, { vendor }),
      missing: pathOf(route, { vendor, package: 'nothing', file: 'nothing.json' }),
      vendor,
    })),
  )
}

/** All of an answer but what is new in each. */
function comparable({ status, headers, body }: ApiAnswer): unknown {
  const { date: _date, 'x-request-id': _id, ...lasting } = headers
  const problem = typeof body === 'object' ? { ...body, instance: undefined } : body
  return { status, headers: lasting, body: problem }
}

interface Asking {
  readonly publicRead: boolean
  readonly scheme: AuthScheme
}

async function check(
  { api, tokens }: Opened,
  { route, question, ...asking }: Asking & { readonly route: Route; readonly question: Question },
): Promise<void> {
  const { policy, surface } = route
  const { method, path, missing, vendor } = question
  const checks = principals.map(async (principal) => {
    const request = { token: tokens[principal], scheme: asking.scheme }
    const expected = expectedCell({ policy, vendor, publicRead: asking.publicRead }, principal)
    const answer = await api(method, path, request)
    const { status, headers } = answer
    const cell = status === 401 || status === 403 ? String(status) : 'pass'
    assert.is(cell, expected, `${method} ${path} (${policy}), ${principal}: ${status}`)
    if (expected === 'pass') return
    assert.equal(comparable(await api(method, missing, request)), comparable(answer))
    assert.is(headers['cache-control'], 'no-store')
    assert.is(headers['vary'], 'Authorization')
    const challenge = `${surface === 'composer' ? 'Basic' : 'Bearer'} realm="almanac"`
    assert.is(headers['www-authenticate'], expected === '401' ? challenge : undefined)
  })
  await Promise.all(checks)
}

async function checkAll(opened: Opened, publicRead: boolean): Promise<void> {
  for (const route of opened.routes()) {
    for (const scheme of ['Bearer', 'Basic'] as const) {
      for (const question of questionsTo(route)) {
        await check(opened, { route, question, publicRead, scheme })
      }
    }
  }
}

describe('every route', opening(), (test) => {
  test('answers those whom the table names, and nobody else, whatever is there', async (opened) => {
    await checkAll(opened, true)
  })

  test('says to who is refused what to do, or what the token lacks', async ({ api, tokens }) => {
    const ask = async (path: string, token: string | undefined) => {
      return JSON.stringify((await api('GET', path, { token })).body)
    }
    assert.match(await ask('/p2/acme/log.json', undefined), /"warning":".*auth\.json.*`bearer`/)
    assert.match(await ask('/p2/acme/log.json', tokens['read beta']), 'scope read for acme')
    assert.match(await ask('/api/v1/tokens', undefined), 'ADMIN_TOKEN')
    assert.match(await ask('/api/v1/tokens', tokens['admin acme']), 'scope admin for all vendors')
    assert.match(await ask('/metrics', undefined), 'METRICS_TOKEN')
  })

  test('takes a token as a whole, and only in a form that there is', async ({ api }) => {
    const ask = async (authorization: string) => {
      const request = { token: undefined, headers: { authorization } }
      return (await api('GET', '/api/v1/openapi.json', request)).status
    }
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
    const token = adminToken
    for (const right of [
      `Bearer ${token}`,
      `bearer ${token}`,
      basic(`:${token}`),
      basic(`token:${token}`),
      basic(`Jürgen Müller 🐘:${token}`),
      basic(`any:${token}`).replace('Basic', 'bASIC'),
    ]) {
      assert.is(await ask(right), 200, right)
    }
    for (const wrong of [
      `Bearer ${token}0`,
      `Bearer ${token.slice(1)}`,
      `Bearer ${token} ${token}`,
      'Bearer ',
      token,
      `Token ${token}`,
      basic(token),
      basic(`${token}:`),
      basic(`any:any:${token}`),
      `Basic any:${token}`,
      'Basic ',
      'Basic %%%',
    ]) {
      assert.is(await ask(wrong), 401, wrong)
    }
  })

  test('does not take names in capitals for others', async ({ api }) => {
    for (const vendor of ['ACME', 'aCme', '%61cme', 'acm%C3%A9%2F..%2Facme']) {
      const { status } = await api('GET', `/p2/${vendor}/log.json`, { token: undefined })
      assert.is(status, vendor.length > 10 ? 404 : 401, vendor)
    }
  })

  test('lets what is public be cached by all, and what is reserved by nobody else', async (opened) => {
    const { get, tokens } = opened
    const open = await get('/p2/beta/text.json')
    assert.is(
      open.headers['cache-control'],
      'public, max-age=60, stale-while-revalidate=300, stale-if-error=86400',
    )
    assert.is(open.headers['vary'], 'Accept-Encoding')
    const headers = { authorization: `Bearer ${tokens['read acme']}` }
    for (const path of ['/p2/acme/log.json', '/p2/acme/nothing.json', '/providers/acme/log.json']) {
      const { headers: answered, statusCode } = await get(path, headers)
      const caching = answered['cache-control'] ?? ''
      assert.match(caching, statusCode < 400 ? /^private, / : /^no-store$/, `${path}: ${caching}`)
      assert.not.match(caching, 'public')
      assert.match(answered['vary'] ?? '', /(?:^|, )Authorization$/, path)
    }
  })

  test('counts whom it refuses', async ({ api, tokens }) => {
    const refused = async () => {
      const { body } = await api('GET', '/metrics')
      return Number(/^auth_failures_total (\d+)$/m.exec(String(body))?.[1])
    }
    const before = await refused()
    await api('GET', '/p2/acme/log.json', { token: undefined })
    await api('GET', '/p2/acme/log.json', { token: tokens['read beta'] })
    await api('GET', '/p2/beta/text.json', { token: tokens['a revoked token'] })
    assert.is(await refused(), before + 2)
  })
})

describe('with PUBLIC_READ=false, every route', opening({ PUBLIC_READ: 'false' }), (test) => {
  test('answers those whom the table names, and nobody else', async (opened) => {
    await checkAll(opened, false)
  })

  test('lets nothing be cached for others, and keeps for how long', async ({ get, tokens }) => {
    const headers = { authorization: `Bearer ${tokens['read beta']}` }
    const { headers: answered, statusCode } = await get('/p2/beta/text.json', headers)
    assert.is(statusCode, 200)
    assert.is(
      answered['cache-control'],
      'private, max-age=60, stale-while-revalidate=300, stale-if-error=86400',
    )
    assert.is(answered['vary'], 'Accept-Encoding, Authorization')
    const again = { ...headers, 'if-none-match': answered.etag ?? '' }
    const { headers: unchanged, statusCode: status } = await get('/p2/beta/text.json', again)
    assert.is(status, 304)
    assert.is(unchanged['vary'], 'Accept-Encoding, Authorization')
    const pinned = await get('/at/2026-06-01T00:00:00Z/p2/beta/text.json', headers)
    assert.is(pinned.headers['cache-control'], 'private, no-cache')
  })
})

describe('without METRICS_TOKEN', startService, (test) => {
  test('metrics are for everybody, whatever token is shown, while nothing is private', async (service) => {
    const { api, restart } = service
    for (const token of [undefined, metricsToken, newTokenText(), adminToken]) {
      assert.is((await api('GET', '/metrics', { token })).status, 200)
    }
    await restart({ PRIVATE_VENDORS: 'acme' })
    for (const token of [undefined, newTokenText()]) {
      assert.is((await api('GET', '/metrics', { token })).status, 401)
    }
    assert.is((await api('GET', '/metrics', { token: adminToken })).status, 200)
  })
})
