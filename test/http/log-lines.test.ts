import * as assert from 'uvu/assert'
import { adminToken } from '../support/api.ts'
import { distOf } from '../support/dist.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

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
