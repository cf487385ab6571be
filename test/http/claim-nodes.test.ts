import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts'
import { distOf } from '../support/dist.ts'
import { packageZip, putTo } from '../support/publishing.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

/** A node that has an archive of a public package in memory, and what stands between it and its database. */
async function open() {
  const service = await startService()
  let proxy: CuttingProxy | undefined
  const other = await service.startNode({}, async (url) => {
    proxy = await startCuttingProxy(url)
    return proxy.url
  })
  if (proxy === undefined) throw new Error('the node has its database from elsewhere')
  const put = putTo(service)
  const { reference } = await distOf(service, 'acme/log', '2.1.0')
  return {
    ...service,
    other,
    proxy,
    path: `/dist-proxy/acme/log/2.1.0.0/${reference}.zip`,
    publish: async (version: string) => {
      return await put(`acme/ours/${version}?claim=true`, packageZip({ name: 'acme/ours' }))
    },
    async close() {
      await service.close()
      await proxy?.close()
    },
  }
}

describe('a vendor that is claimed', open, (test) => {
  test('is served from no memory of a node that hears of nothing', async (world) => {
    const { other, proxy, path, publish } = world
    assert.is((await other(path)).statusCode, 200)
    assert.is((await other(path)).statusCode, 200, 'from memory')
    proxy.stall(true)
    const begunAtMs = performance.now()
    assert.is((await publish('1.0.0')).status, 201)
    assert.ok(performance.now() - begunAtMs >= 2_000, 'it answers when all nodes know')
    const asked = other(path)
    const first = await Promise.race([asked, delay(200)])
    assert.is(first, undefined, 'it asks its database')
    proxy.stall(false)
    assert.not.equal((await asked).statusCode, 200)
  })

  test('is not waited for again', async ({ publish }) => {
    const begunAtMs = performance.now()
    assert.is((await publish('1.1.0')).status, 201)
    assert.ok(performance.now() - begunAtMs < 2_000)
  })
})
