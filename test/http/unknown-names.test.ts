import * as assert from 'uvu/assert'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

describe('made-up names', startService, (test) => {
  test('are asked upstream up to a limit; what is known is served as ever', async (service) => {
    const { get, upstream, clock } = service
    await get('/p2/acme/log.json')
    const statuses = new Map<number, number>()
    const ask = async (name: string) => {
      const { statusCode } = await get(`/p2/made/${name}.json`)
      statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1)
      return statusCode
    }
    for (let hundred = 0; hundred < 12; hundred++) {
      await Promise.all(
        Array.from({ length: 100 }, async (_, n) => await ask(`up-${hundred}-${n}`)),
      )
    }
    const asked = upstream.requestsFor(/^\/p2\/made\//).length
    assert.ok(asked >= 1000 && asked < 1100, `${asked} requests upstream for 1,200 names`)
    assert.is(statuses.get(404), asked)
    assert.is(statuses.get(503), 1200 - asked, 'and those refused were not told "no such package"')
    assert.is((await get('/p2/acme/log.json')).statusCode, 200)
    assert.is(
      (await get('/p2/made/up-0-0.json')).statusCode,
      404,
      'what was answered is remembered',
    )
    clock.advance(60)
    assert.is(await ask('up-later'), 404, 'after a while new names are asked for again')
  })
})
