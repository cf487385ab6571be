import * as assert from 'uvu/assert'
import { authorization } from '../support/api.ts'
import { startService } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'
import { issueToken } from '../support/tokens.ts'

const madeUp = /^\/p2\/made\//
const flooder = '198.51.100.7'

/** An upstream that answers nothing about made-up names before it is told to, and one client that asks for many. */
async function open() {
  const service = await startService({ settings: { TRUSTED_PROXIES: '127.0.0.1' } })
  await service.get('/packages.json')
  const from = (address: string, headers: Readonly<Record<string, string>> = {}) => {
    return async (path: string) =>
      await service.get(path, { 'x-forwarded-for': address, ...headers })
  }
  let floods = 0
  async function flooding() {
    const vendor = `made/up-${(floods += 1)}`
    service.upstream.forget()
    const gate = service.upstream.hold(madeUp)
    const asked = Array.from({ length: 200 }, async (_, n) => {
      return (await from(flooder)(`/p2/${vendor}-${n}.json`)).statusCode
    })
    await eventually('its requests are under way', () => {
      return service.upstream.requestsFor(madeUp).length === 8
    })
    return async () => {
      gate.release()
      return new Set(await Promise.all(asked))
    }
  }
  return { ...service, from, flooding }
}

describe('while one client asks for many names', open, (test) => {
  test('another gets what upstream has at once, with a token or without', async (service) => {
    const { from, flooding, upstream } = service
    const { token } = await issueToken(service)
    const end = await flooding()
    assert.is((await from('198.51.100.8')('/p2/acme/log.json')).statusCode, 200)
    const asToken = from(flooder, { authorization: authorization(token) })
    assert.is((await asToken('/p2/acme/clock.json')).statusCode, 200)
    assert.is(upstream.requestsFor(madeUp).length, 8)
    assert.equal(await end(), new Set([404]), 'and it gets its own answers too')
  })

  test('another gets at once what waits in its line', async ({ from, flooding, upstream }) => {
    const end = await flooding()
    const waits = from(flooder)('/p2/acme/http.json')
    assert.is((await from('198.51.100.8')('/p2/acme/http.json')).statusCode, 200)
    assert.is((await waits).statusCode, 200)
    assert.is(upstream.requestsFor(/^\/p2\/acme\/http\.json$/).length, 1)
    await end()
  })
})
