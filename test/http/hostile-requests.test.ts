import * as assert from 'uvu/assert'
import type { BodyType, Route } from '../../src/http/route.ts'
import { type ApiAnswer, pathOf } from '../support/api.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const publicUrl = 'https://packages.example.com'

/** Where a browser may say that a request comes from; undefined: it doesn't say it. */
const sites = [
  [undefined, 'absent'],
  ['same-origin', 'own'],
  ['none', 'own'],
  ['same-site', 'foreign'],
  ['cross-site', 'foreign'],
  ['Same-Origin', 'foreign'],
  ['same-origin, same-origin', 'foreign'],
  ['', 'foreign'],
] as const

const origins = [
  [undefined, 'absent'],
  [publicUrl, 'own'],
  [`${publicUrl}:443`, 'own'],
  ['HTTPS://Packages.Example.COM', 'own'],
  ['null', 'foreign'],
  ['', 'foreign'],
  ['http://packages.example.com', 'foreign'],
  ['https://packages.example.com:8443', 'foreign'],
  ['https://packages.example.com.', 'foreign'],
  ['https://packages.example.com.evil.example', 'foreign'],
  ['https://evil.packages.example.com', 'foreign'],
  ['https://example.com', 'foreign'],
  ['https://packages.example.com@evil.example', 'foreign'],
  ['https://packages.example.com/', 'foreign'],
  [`${publicUrl} ${publicUrl}`, 'foreign'],
  // As Node has a header that comes twice.
  [`${publicUrl}, ${publicUrl}`, 'foreign'],
  [`${publicUrl}, https://evil.example`, 'foreign'],
  ['file://', 'foreign'],
  ['https://', 'foreign'],
] as const

/** What a form, or a script that asks nobody, may send. */
const wrongTypes = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/octet-stream',
  'application/json5',
  'text/plain; application/json',
  '',
] as const

function typesFor(takes: BodyType): readonly (readonly [string | undefined, TypeCell])[] {
  return [
    [undefined, 'absent'],
    [takes, 'right'],
    [`${takes.toUpperCase()} ; charset=utf-8`, 'right'],
    [takes === 'application/zip' ? 'application/x-tar' : 'application/zip', 'wrong'],
    ...wrongTypes.map((type) => [type, 'wrong'] as const),
  ]
}

type Cell = 'absent' | 'own' | 'foreign'
type TypeCell = 'absent' | 'right' | 'wrong'

interface Combination {
  readonly headers: Readonly<Record<string, string>>
  readonly expected: 'cross_site' | 'unsupported_media_type' | 'pass'
}

function combine(
  [site, ofSite]: readonly [string | undefined, Cell],
  [origin, ofOrigin]: readonly [string | undefined, Cell],
  [type, ofType]: readonly [string | undefined, TypeCell],
): Combination {
  const headers = {
    ...(site !== undefined && { 'sec-fetch-site': site }),
    ...(origin !== undefined && { origin }),
    ...(type !== undefined && { 'content-type': type }),
  }
  if (ofSite === 'foreign' || ofOrigin === 'foreign') return { headers, expected: 'cross_site' }
  const isByBrowser = ofSite === 'own' || ofOrigin === 'own'
  const isRefused = ofType === 'wrong' || (ofType === 'absent' && isByBrowser)
  return { headers, expected: isRefused ? 'unsupported_media_type' : 'pass' }
}

/** Each site and each origin alone, some of them together, and all of it with every type. */
function combinationsFor(takes: BodyType): readonly Combination[] {
  const [noSite, ownSite, , , foreignSite] = sites
  const [noOrigin, ownOrigin, , , foreignOrigin] = origins
  const told = [
    ...sites.map((site) => [site, noOrigin] as const),
    ...origins.map((origin) => [noSite, origin] as const),
    [ownSite, ownOrigin],
    [ownSite, foreignOrigin],
    [foreignSite, ownOrigin],
  ] as const
  return told.flatMap(([site, origin]) =>
    typesFor(takes).map((type) => combine(site, origin, type)),
  )
}

function isWriting({ method }: Route): boolean {
  return method !== 'get'
}

/** Those that only who has a right may ask. */
function guarded({ routes }: Service): readonly Route[] {
  return routes().filter((route) => isWriting(route) && route.takes !== 'anything')
}

function outcomeOf({ status, body }: ApiAnswer): string {
  const { code } = (body ?? {}) as { code?: string }
  if (code === 'cross_site') return status === 403 ? code : `${code} ${status}`
  if (code === 'unsupported_media_type') return status === 415 ? code : `${code} ${status}`
  return 'pass'
}

async function open(): Promise<Service> {
  const service = await startService()
  // What asks it goes on by its address on this machine.
  await service.restart({ PUBLIC_URL: publicUrl, PRIVATE_VENDORS: 'acme' })
  return service
}

describe('a request that a page of another site makes', open, (test) => {
  test('changes nothing, by whatever route, and is told why', async (service) => {
    const { api, events } = service
    const all = guarded(service)
    assert.ok(all.length > 10)
    for (const route of all) {
      const combinations = combinationsFor(route.takes ?? 'application/json')
      const before = (await events()).length
      for (const { headers, expected } of combinations) {
        if (expected === 'pass') continue
        const answer = await api(route.method, pathOf(route), { headers })
        const asked = `${route.method} ${route.path} ${JSON.stringify(headers)}`
        assert.is(outcomeOf(answer), expected, asked)
        assert.is(answer.headers['cache-control'], 'no-store')
      }
      assert.is((await events()).length, before, route.path)
      for (const { headers, expected } of combinations) {
        if (expected !== 'pass') continue
        const answer = await api(route.method, pathOf(route), { headers })
        assert.is(outcomeOf(answer), 'pass', `${route.path} ${JSON.stringify(headers)}`)
      }
    }
  })

  test('is refused before anybody is identified, so that it tells nothing of a token', async (service) => {
    const headers = { origin: 'https://evil.example' }
    for (const { method, path } of guarded(service)) {
      const { status, body } = await service.api(method, pathOf({ path }), {
        token: undefined,
        headers,
      })
      assert.is(status, 403)
      assert.match((body as { detail: string }).detail, 'PUBLIC_URL')
    }
  })

  test('may be one of Composer’s own two, in which no right is needed', async (service) => {
    const exempt = service.routes().filter(({ takes }) => takes === 'anything')
    assert.equal(
      exempt.map(({ method, path }) => `${method} ${path}`),
      ['post /api/security-advisories/', 'post /api/security-advisories', 'post /downloads/'],
    )
    const headers = { origin: 'null', 'sec-fetch-site': 'cross-site' }
    for (const [path, type, body] of [
      ['/downloads/', 'text/plain', '{"downloads":[]}'],
      ['/api/security-advisories/', 'application/x-www-form-urlencoded', 'packages[]=beta/text'],
    ] as const) {
      const sent = { body, headers: { ...headers, 'content-type': type } }
      const { status } = await service.api('POST', path, sent)
      assert.ok(status === 200 || status === 201, path)
    }
  })

  test('changes nothing by a GET', async ({ api, routes, events }) => {
    const headers = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
    const before = (await events()).length
    for (const route of routes()) {
      if (isWriting(route) || route.surface !== 'api') continue
      assert.is.not((await api('GET', pathOf(route), { headers })).status, 403, route.path)
    }
    assert.is((await events()).length, before)
  })

  test('gets no leave to read, or to send more than a form', async ({ api, routes }) => {
    const headers = {
      origin: 'https://evil.example',
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'authorization, content-type',
    }
    for (const route of routes()) {
      for (const method of ['OPTIONS', 'GET', route.method]) {
        const answer = await api(method, pathOf(route), { headers })
        const names = Object.keys(answer.headers)
        assert.equal(
          names.filter((name) => name.startsWith('access-control-')),
          [],
        )
        if (method === 'OPTIONS') assert.is(answer.status, 405)
      }
    }
  })
})

describe('without PUBLIC_URL', startService, (test) => {
  test('the origin is the one that the request was sent to', async ({ api, url }) => {
    const { port } = new URL(url)
    const statusOf = async (host: string, origin: string) => {
      const headers = { host, origin, 'content-type': 'application/json' }
      return (await api('POST', '/api/v1/proxy/purge', { headers, json: { dryRun: true } })).status
    }
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`]) {
      assert.is(await statusOf(host, `http://${host}`), 200)
      assert.is(await statusOf(host, `https://${host}`), 403)
      assert.is(await statusOf(host, `http://${host}0`), 403)
      assert.is(await statusOf(host, 'null'), 403)
      assert.is(await statusOf(host, 'http://evil.example'), 403)
    }
    assert.is(await statusOf(`127.0.0.1:${port}`, `http://localhost:${port}`), 403)
  })
})

describe('a body sent by a program', startService, (test) => {
  const json = JSON.stringify({ dryRun: true })
  test('needs no type, and no wrong one', async ({ api }) => {
    const statusOf = async (headers: Readonly<Record<string, string>>) =>
      (await api('POST', '/api/v1/proxy/purge', { body: json, headers })).status
    assert.is(await statusOf({}), 200)
    assert.is(await statusOf({ 'content-type': 'application/json; charset=utf-8' }), 200)
    // As `curl --data` sends it.
    assert.is(await statusOf({ 'content-type': 'application/x-www-form-urlencoded' }), 415)
  })

  test('may be an upload, which says how when its type is that of a form', async ({ api }) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    for (const [method, path, says] of [
      ['PUT', '/api/v1/packages/own/log/1.0.0', 'curl -T package.zip'],
      ['POST', '/api/v1/packages/import', 'curl -X POST -T packages.tar'],
    ] as const) {
      const { status, body } = await api(method, path, { body: 'PK', headers })
      assert.is(status, 415)
      assert.match((body as { detail: string }).detail, says)
    }
  })
})
