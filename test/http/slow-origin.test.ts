import * as assert from 'uvu/assert'
import { distOf } from '../support/dist.ts'
import { type Service, startService } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'

const distRequests = /^\/dist\//

async function archiveOf(service: Service, name: string, version: string): Promise<string> {
  const { reference } = await distOf(service, name, version)
  return `/dist-proxy/${name}/${version}.0/${reference}.zip`
}

describe('an origin that says nothing', startService, (test) => {
  test('keeps nobody waiting for long: Composer goes there itself, and is told why', async (service) => {
    const { get, upstream, clock } = service
    const [one, other] = [
      await archiveOf(service, 'acme/log', '2.0.0'),
      await archiveOf(service, 'acme/http', '1.1.0'),
    ]
    for (const name of ['log', 'http']) await get(`/p2/acme/${name}.json`)
    clock.advance(1)
    const gate = upstream.hold(distRequests)
    const first = await get(one)
    assert.is(first.statusCode, 404)
    assert.match(first.body.toString(), 'could not be reached: waiting for its answer timed out')

    upstream.forget()
    assert.is((await get(other)).statusCode, 404)
    assert.is((await get('/p2/acme/clock.json')).statusCode, 503)
    assert.equal(upstream.requests, [], 'nobody else finds that out by waiting')
    assert.is((await get(one)).statusCode, 404)

    gate.release()
    await eventually('what came late is here', async () => (await get(one)).statusCode === 200)
    assert.is((await get('/p2/acme/clock.json')).statusCode, 200, 'and the origin is well again')
  })
})

describe(
  'an origin that gives no archive, with PROXY_DIST_MODE=rewrite',
  async () => await startService({ settings: { PROXY_DIST_MODE: 'rewrite' } }),
  (test) => {
    test('is no reason to say that there is none: Composer would have nowhere else to go', async (service) => {
      const path = await archiveOf(service, 'acme/log', '2.0.0')
      service.upstream.fail({ match: distRequests, mode: 'status', status: 500 })
      const { statusCode, headers } = await service.get(path)
      assert.is(statusCode, 424)
      assert.is(headers['retry-after'], undefined)
    })
  },
)
