import * as assert from 'uvu/assert'
import { adminToken } from '../support/api.ts'
import { distOf } from '../support/dist.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'
import { issueToken } from '../support/tokens.ts'

type Line = Readonly<Record<string, unknown>>

interface Logged extends Service {
  readonly lines: string[]
}

async function startLogged(): Promise<Logged> {
  const lines: string[] = []
  const service = await startService({
    logLevel: 'trace',
    onLogLine: (line) => void lines.push(line),
  })
  return { ...service, lines }
}

function withMessage(lines: readonly string[], message: string): readonly Line[] {
  return lines.map((line): Line => JSON.parse(line)).filter(({ msg }) => msg === message)
}

describe('the log', startLogged, (test) => {
  test('has one line for each request and one for each that upstream was sent', async (service) => {
    const { get, lines, upstream } = service
    lines.splice(0)
    const { body } = await get('/p2/acme/log.json?at=2026-05-01', { 'x-request-id': 'install-1' })
    await get('/p2/acme/log.json', { 'x-request-id': 'install-2' })
    const requests = withMessage(lines, 'request')
    assert.equal(
      requests.map(({ requestId, method, route, path, status }) => {
        return { requestId, method, route, path, status }
      }),
      ['install-1', 'install-2'].map((requestId) => ({
        requestId,
        method: 'GET',
        route: '/p2/:vendor/:file',
        path: '/p2/acme/log.json',
        status: 200,
      })),
    )
    for (const { bytes, durationMs } of requests) {
      assert.type(durationMs, 'number')
      assert.type(bytes, 'number')
    }
    assert.ok(Number(requests[0]?.['bytes']) <= body.length)
    const asked = withMessage(lines, 'upstream request')
    assert.equal(
      asked.map(({ requestId, method, host, path, status, reason }) => {
        return { requestId, method, host, path, status, reason }
      }),
      [
        {
          requestId: 'install-1',
          method: 'GET',
          host: new URL(upstream.url).host,
          path: '/p2/acme/log.json',
          status: 200,
          reason: undefined,
        },
      ],
    )
    assert.ok(Number(asked[0]?.['bytes']) > 100)
  })

  test('says why an answer of upstream did not come, for each try', async ({
    get,
    lines,
    upstream,
  }) => {
    const clear = upstream.fail({ match: /acme\/http/, mode: 'truncate' })
    lines.splice(0)
    await get('/p2/acme/http.json')
    clear()
    const asked = withMessage(lines, 'upstream request')
    assert.equal(
      asked.map(({ status, reason }) => [status, reason]),
      Array.from({ length: 3 }, () => [200, 'connection']),
    )
  })

  test('counts the bytes of an archive that is streamed', async (service) => {
    const { get, lines } = service
    const { reference } = await distOf(service, 'acme/log', '2.0.0')
    lines.splice(0)
    const path = `/dist-proxy/acme/log/2.0.0.0/${reference}.zip`
    const { body } = await get(path)
    await get(path)
    assert.equal(
      withMessage(lines, 'request').map(({ bytes }) => bytes),
      [body.length, body.length],
    )
  })

  test('never has a token, a query, or a line that is not JSON', async ({ api, get, lines }) => {
    lines.splice(0)
    const secret = 'secret-0123456789abcdef'
    await api('GET', '/api/v1/proxy/status')
    await api('GET', `/api/v1/proxy/status?access_token=${secret}`)
    await api('GET', '/api/v1/proxy/status', { token: secret })
    await api('GET', '/metrics', { token: secret })
    await api('GET', '/p2/acme/log.json', { token: secret })
    await get(`/search.json?q=${secret}`)
    await get('/p2/%0a%22%7b/log.json', { 'x-request-id': `"${secret}` })
    assert.ok(lines.length >= 8)
    for (const line of lines) {
      JSON.parse(line)
      assert.not.match(line, secret)
      assert.not.match(line, adminToken)
    }
  })
})

describe('the line of a request', startLogged, (test) => {
  test('says who asked, from where, and how it was answered', async (service) => {
    const { lines, api, get, restart } = service
    await restart({ TRUSTED_PROXIES: '127.0.0.0/8' })
    const { id, token } = await issueToken(service, { name: 'nightly build' })
    const { reference } = await distOf(service, 'acme/log', '2.0.0')
    await api('POST', '/api/v1/proxy/freeze/acme/http')
    await api('POST', '/api/v1/proxy/block', { json: { package: 'acme/log', constraint: '1.0.0' } })
    const other = await distOf(service, 'acme/log', '1.0.0')
    await get('/p2/beta/text.json')
    lines.splice(0)
    const from = { 'x-forwarded-for': '203.0.113.9, 2001:db8::1:2' }
    const held = { ...from, authorization: `Bearer ${token}` }
    await get('/p2/beta/fonts.json', held)
    await get('/p2/beta/fonts.json', { 'x-forwarded-for': '203.0.113.9' })
    await get(`/dist-proxy/acme/log/2.0.0.0/${reference}.zip`, held)
    await get('/p2/acme/http.json', held)
    await get(`/dist-proxy/acme/log/1.0.0.0/${other.reference}.zip`, from)
    await get('/p2/acme/nothing.json')
    await api('GET', '/api/v1/proxy/status', { token: undefined })
    await api('GET', '/api/v1/nothing')
    const shown = withMessage(lines, 'request').map((line) => {
      return [line['client'], line['actor'], line['tokenName'], line['decision']]
    })
    const holder = ['2001:db8::1:2', `token ${id}`, 'nightly build'] as const
    assert.equal(shown, [
      [...holder, 'miss'],
      ['203.0.113.9', 'anonymous', undefined, 'hit'],
      [...holder, 'miss'],
      [...holder, 'frozen'],
      ['2001:db8::1:2', 'anonymous', undefined, 'archive_blocked'],
      ['127.0.0.1', 'anonymous', undefined, 'package_not_found'],
      ['127.0.0.1', undefined, undefined, 'unauthorized'],
      ['127.0.0.1', 'admin', undefined, 'route_not_found'],
    ])
  })

  test('is the same for what is given again from memory', async (service) => {
    const { lines, get } = service
    const { reference } = await distOf(service, 'acme/messages', '1.0.0')
    const path = `/dist-proxy/acme/messages/1.0.0.0/${reference}.zip`
    await get(path)
    lines.splice(0)
    for (const _ of [1, 2, 3]) assert.is((await get(path)).statusCode, 200)
    for (const line of withMessage(lines, 'request')) {
      const { client, actor, decision } = line
      assert.equal([client, actor, decision], ['127.0.0.1', 'anonymous', 'hit'])
    }
  })

  test('has the address of a proxy that is not trusted, and not what that says', async (service) => {
    const { lines, get, restart } = service
    await restart({ TRUSTED_PROXIES: '' })
    lines.splice(0)
    await get('/livez', { 'x-forwarded-for': '203.0.113.9' })
    const [line] = withMessage(lines, 'request')
    assert.equal([line?.['client'], line?.['actor']], ['127.0.0.1', 'anonymous'])
  })
})
