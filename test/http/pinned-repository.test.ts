import * as assert from 'uvu/assert'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

describe('an instant in the URL of a repository', startService, (test) => {
  test('is taken in its query, as Composer asks for its root file', async ({ get }) => {
    const inPath = await get('/at/2026-05-01/packages.json')
    const inQuery = await get('/?at=2026-05-01/packages.json')
    assert.is(inQuery.statusCode, 200)
    assert.is(inQuery.body.toString(), inPath.body.toString())
    assert.is((await get('/?at=nonsense/packages.json')).statusCode, 400)
    for (const path of [
      '/',
      '/?at=2026-05-01',
      '/?at=2026-05-01/elsewhere',
      '/?x=/packages.json',
    ]) {
      assert.is((await get(path)).statusCode, 404, path)
    }
  })

  test('that is "now" leads to the newest one that is settled, and nobody keeps that', async (service) => {
    const { url, clock } = service
    clock.set('2026-06-01T12:00:00Z')
    const settled = `${url}/at/20260601T115859Z`
    for (const [asked, answer] of [
      ['/at/now/packages.json', '/packages.json'],
      ['/?at=now/packages.json', '/packages.json'],
      ['/packages.json?at=now', '/packages.json'],
      ['/at/now/p2/acme/log~dev.json?strict=1', '/p2/acme/log~dev.json?strict=1'],
      ['/p2/acme/log.json?at=now', '/p2/acme/log.json'],
      ['/at/now/packages/list.json?vendor=acme', '/packages/list.json?vendor=acme'],
    ] as const) {
      const { status, headers } = await fetch(url + asked, { redirect: 'manual' })
      assert.equal(
        [status, headers.get('location'), headers.get('cache-control')],
        [307, settled + answer, 'no-store'],
        asked,
      )
      assert.is((await fetch(url + asked)).status, 200, asked)
    }
  })

  test('that is today, which is not over, is refused with the URL for this instant', async (service) => {
    const { get, url, clock } = service
    clock.set('2026-06-01T12:00:00Z')
    for (const at of ['today', '2026-06-01']) {
      for (const path of [`/at/${at}/packages.json`, `/p2/acme/log.json?at=${at}`]) {
        const { statusCode, body } = await get(path)
        assert.is(statusCode, 400, path)
        assert.match(body.toString(), `${url}/at/20260601T115859Z`)
      }
    }
    assert.is((await get('/at/2026-05-31/packages.json')).statusCode, 200)
  })
})
