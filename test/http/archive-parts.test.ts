import * as assert from 'uvu/assert'
import { distOf } from '../support/dist.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

describe('archives', startService, (test) => {
  test('say 304 to any list of ETags that has theirs, and not to others', async (service) => {
    const { get } = service
    const { reference } = await distOf(service, 'acme/log', '2.0.0')
    const path = `/dist-proxy/acme/log/2.0.0.0/${reference}.zip`
    const { etag = '' } = (await get(path)).headers
    for (const tags of ['*', `W/${etag}`, `"other",${etag}`, `"a" , ${etag} ,"b"`]) {
      assert.is((await get(path, { 'if-none-match': tags })).statusCode, 304, tags)
    }
    for (const tags of ['"other"', etag.replaceAll('"', ''), '']) {
      assert.is((await get(path, { 'if-none-match': tags })).statusCode, 200, tags)
    }
  })

  for (const place of ['in memory', 'in PostgreSQL'] as const) {
    test(`are sent in part to who has the rest, ${place}`, async (service) => {
      const { get, url } = service
      const { reference } = await distOf(service, 'acme/log', '2.0.0')
      const path = `/dist-proxy/acme/log/2.0.0.0/${reference}.zip`
      const { body, headers } = await get(path)
      const { etag = '' } = headers
      assert.is(headers['accept-ranges'], 'bytes')
      const end = body.length
      for (const [range, from, to] of [
        ['bytes=0-9', 0, 10],
        ['bytes=10-', 10, end],
        ['bytes=-20', end - 20, end],
        [`bytes=${end - 1}-${end + 5}`, end - 1, end],
      ] as const) {
        if (place === 'in PostgreSQL') await service.restart()
        const part = await get(path, { range, 'if-range': etag })
        assert.is(part.statusCode, 206, range)
        assert.is(part.headers['content-range'], `bytes ${from}-${to - 1}/${end}`)
        assert.is(part.headers['content-length'], String(to - from))
        assert.is(part.headers.etag, etag)
        assert.ok(part.body.equals(body.subarray(from, to)), range)
      }
      const beyond = await get(path, { range: `bytes=${end}-` })
      assert.is(beyond.statusCode, 416)
      assert.is(beyond.headers['content-range'], `bytes */${end}`)
      assert.is(beyond.body.length, 0)
      for (const ignored of [
        { range: 'bytes=0-1,3-4' },
        { range: 'bytes=0-1', 'if-range': '"other"' },
      ]) {
        const whole = await get(path, ignored)
        assert.is(whole.statusCode, 200)
        assert.ok(whole.body.equals(body))
      }
      const held = { range: 'bytes=0-1', 'if-none-match': etag }
      assert.is((await get(path, held)).statusCode, 304)
      const head = await fetch(url + path, { method: 'HEAD', headers: { range: 'bytes=0-1' } })
      assert.is(head.status, 200)
      assert.is(head.headers.get('content-length'), String(end))
    })
  }
})
