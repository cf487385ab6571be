import * as assert from 'uvu/assert'
import { distOf } from '../support/dist.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const distRequests = /^\/(dist|codeload)\//

describe('commits of a branch that no metadata names', startService, (test) => {
  test('are fetched from where the branch has its archives, and kept', async (service) => {
    const { get, upstream } = service
    const old = await distOf(service, 'beta/edge', 'dev-main')
    upstream.pushCommit('beta/edge', 'main')
    await get('/p2/beta/edge~dev.json')
    upstream.forget()
    const path = `/dist-proxy/beta/edge/dev-main/${old.reference}.zip`
    const answer = await get(path)
    assert.is(answer.statusCode, 200)
    assert.ok(answer.body.equals(Buffer.from(await (await fetch(old.url)).arrayBuffer())))
    upstream.forget()
    assert.is((await get(path)).statusCode, 200)
    assert.is(upstream.requestsFor(distRequests).length, 0, 'the second time it is here')
    const stored = (await service.events()).findLast(({ type }) => type === 'ArchiveStored')
    const { data = {} } = stored ?? {}
    const { versionNormalized, reference, sourceUrl } = data as Record<string, unknown> // of one type
    assert.equal([versionNormalized, reference, sourceUrl], ['dev-main', old.reference, old.url])
  })

  test('need no metadata beforehand, as in an install from a lock file', async (service) => {
    const { get, upstream } = service
    const { reference } = await distOf(service, 'acme/mailer', 'dev-main')
    upstream.pushCommit('acme/mailer', 'main')
    assert.is((await get(`/dist-proxy/acme/mailer/dev-main/${reference}.zip`)).statusCode, 200)
  })

  test('are 404 when upstream has no such commit', async ({ get, upstream }) => {
    await get('/p2/beta/edge~dev.json')
    upstream.forget()
    const path = `/dist-proxy/beta/edge/dev-main/${'a'.repeat(40)}.zip`
    assert.is((await get(path)).statusCode, 404)
    assert.is(upstream.requestsFor(distRequests).length, 1)
  })

  test('are of branches only: a tag is one commit', async ({ get, upstream }) => {
    await get('/p2/acme/log.json')
    await get('/p2/acme/log~dev.json')
    upstream.forget()
    for (const [version, reference] of [
      ['2.0.0.0', 'a'.repeat(40)],
      ['dev-main', 'a'.repeat(39)],
      ['dev-nothing', 'a'.repeat(40)],
    ]) {
      const path = `/dist-proxy/acme/log/${version}/${reference}.zip`
      assert.is((await get(path)).statusCode, 404, path)
    }
    assert.is((await get(`/dist-proxy/acme/log/dev-main/${'a'.repeat(40)}.tar`)).statusCode, 404)
    assert.is(upstream.requestsFor(distRequests).length, 0)
  })

  test('are asked upstream up to a limit', async ({ get, upstream, clock }) => {
    await get('/p2/acme/http~dev.json')
    upstream.forget()
    let made = 0
    const ask = async () => {
      const commit = (made++).toString(16).padStart(40, '0')
      return (await get(`/dist-proxy/acme/http/dev-main/${commit}.zip`)).statusCode
    }
    const statuses: number[] = []
    for (let hundred = 0; hundred < 11; hundred++) {
      statuses.push(...(await Promise.all(Array.from({ length: 100 }, ask))))
    }
    const asked = upstream.requestsFor(distRequests).length
    assert.ok(asked > 900 && asked <= 1000, `${asked} requests upstream for 1,100 commits`)
    assert.is(statuses.filter((status) => status === 404).length, asked)
    assert.is(statuses.filter((status) => status === 503).length, 1100 - asked)
    clock.advance(60)
    assert.is(await ask(), 404, 'after a while they are asked for again')
  })
})
