import * as assert from 'uvu/assert'
import { acknowledge, alertsOf, isOpen, openAlert } from '../support/alerts.ts'
import { distOf } from '../support/dist.ts'
import { packageZip } from '../support/publishing.ts'
import { startService } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'
import { issueToken } from '../support/tokens.ts'

async function open() {
  const service = await startService({ settings: { PRIVATE_VENDORS: 'own' } })
  const { api, get, events } = service
  return {
    ...service,
    block: async (name: string, constraint: string) => {
      const { status } = await api('POST', '/api/v1/proxy/block', {
        json: { package: name, constraint },
      })
      assert.is(status, 200)
    },
    /** Asks for an archive as it is in a lock file. */
    want: async (name: string, version: string, headers: Record<string, string> = {}) => {
      const { reference } = await distOf(service, name, version)
      const path = `/dist-proxy/${name}/${version}.0/${reference}.zip`
      return (await get(path, headers)).statusCode
    },
    recorded: async () =>
      (await events()).filter(({ type }) => type === 'BlockedArchiveWanted').length,
  }
}

describe('a blocked archive that is asked for', open, (test) => {
  test('is an alert with the version, the token and the request, once a day for each package', async (service) => {
    const { block, want, recorded, clock } = service
    await block('acme/log', '^1.0')
    await block('acme/http', '1.0.0')
    const { id, token } = await issueToken(service, { name: 'nightly build' })
    const headers = { authorization: `Bearer ${token}`, 'x-request-id': 'nightly-0001' }
    assert.is(await want('acme/log', '1.1.0', headers), 410)
    await eventually('it is an alert', async () => await isOpen(service, 'blocked_wanted'))
    const alert = await openAlert(service, 'blocked_wanted')
    assert.is(alert.subject, 'acme/log')
    assert.match(
      alert.detail,
      `1.1.0.0 of acme/log was asked for by token ${id} (nightly build), in the request nightly-0001.`,
    )
    assert.is(await want('acme/log', '1.0.0'), 410)
    assert.is(await recorded(), 1)
    assert.is(await want('acme/http', '1.0.0'), 410)
    assert.is(await recorded(), 2, 'of another package')
    clock.advance(86_400)
    assert.is(await want('acme/log', '1.0.0'), 410)
    assert.is(await recorded(), 3, 'on another day')
    await eventually('it was seen again', async () => {
      const all = await alertsOf(service, 'blocked_wanted')
      const again = all.find(({ id: one }) => one === alert.id)
      return again?.count === 2 && /1\.0\.0\.0 of acme\/log .* without a token/.test(again.detail)
    })
  })

  test('is recorded once by several nodes, and after a restart', async (service) => {
    const { block, want, recorded, startNode, restart } = service
    await block('beta/text', '1.10.0')
    assert.is(await want('beta/text', '1.10.0'), 410)
    const before = await recorded()
    const get = await startNode()
    const { reference } = await distOf(service, 'beta/text', '1.10.0')
    const path = `/dist-proxy/beta/text/1.10.0.0/${reference}.zip`
    assert.is((await get(path)).statusCode, 410)
    await restart()
    assert.is(await want('beta/text', '1.10.0'), 410)
    assert.is(await recorded(), before)
  })

  test('may be of a package of our own', async (service) => {
    const { block, api, get } = service
    const body = packageZip({ name: 'own/log', description: 'Logs' })
    const { body: published } = await api('PUT', '/api/v1/packages/own/log/1.0.0', { body })
    await block('own/log', '*')
    const { token } = await issueToken(service)
    const { reference } = published as { reference: string }
    const headers = { authorization: `Bearer ${token}` }
    const path = `/dist-proxy/own/log/1.0.0.0/${reference}.zip`
    assert.is((await get(path, headers)).statusCode, 410)
    await eventually('it is an alert', async () => {
      const found = await alertsOf(service, 'blocked_wanted', '?state=open')
      return found.some(({ subject }) => subject === 'own/log')
    })
  })

  test('is over for the day when it is acknowledged, and for good when it is unblocked', async (service) => {
    const { block, want, clock, api } = service
    await block('acme/framework', '*')
    assert.is(await want('acme/framework', '1.1.0'), 410)
    const ofThis = async () =>
      (await alertsOf(service, 'blocked_wanted', '?state=open')).filter(
        ({ subject }) => subject === 'acme/framework',
      )
    await eventually('it is an alert', async () => (await ofThis()).length === 1)
    for (const alert of await ofThis()) await acknowledge(service, alert)
    assert.equal(await ofThis(), [])
    clock.advance(86_400)
    assert.is(await want('acme/framework', '1.1.0'), 410)
    await eventually('it is one again', async () => (await ofThis()).length === 1)
    await api('POST', '/api/v1/proxy/unblock', { json: { package: 'acme/framework' } })
    assert.equal(await ofThis(), [])
  })
})
