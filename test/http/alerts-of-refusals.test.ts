import * as assert from 'uvu/assert'
import { isOpen, isResolved, openAlert, watch } from '../support/alerts.ts'
import { distOf } from '../support/dist.ts'
import { pass } from '../support/feed.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const archives = /^\/dist\//
const code = 'archives_refused'

/** Seven versions, whose archives are asked for one after the other. */
async function open() {
  const service = await startService()
  const { upstream, get } = service
  const urls: string[] = []
  for (let patch = 0; patch < 7; patch++) {
    const version = `3.0.${patch}`
    upstream.publish('acme/log', version)
    const { reference } = await distOf(service, 'acme/log', version)
    urls.push(`/dist-proxy/acme/log/${version}.0/${reference}.zip`)
  }
  async function install(...numbers: readonly number[]): Promise<readonly number[]> {
    const statuses: number[] = []
    for (const number of numbers) statuses.push((await get(urls[number] ?? '')).statusCode)
    return statuses
  }
  return { ...service, install }
}

describe('alerts of a host of archives', open, (test) => {
  test('are none for what it lacks, nor for one archive that it refuses again and again', async (service) => {
    const { install, upstream } = service
    const refuseOne = upstream.fail({ match: archives, mode: 'status', status: 403 })
    assert.equal(
      await install(0, 0, 0, 0, 0, 0, 1, 2, 3),
      Array.from({ length: 9 }, () => 404),
    )
    refuseOne()
    const lacks = upstream.fail({ match: archives, mode: 'status', status: 404 })
    await install(4, 5, 6)
    lacks()
    await watch(service, 30)
    assert.is(await isOpen(service, code), false)
  })

  test('open when it refuses five, saying how, and are counted on', async (service) => {
    const { install, upstream } = service
    pass(service, 3600)
    const clear = upstream.fail({ match: archives, mode: 'status', status: 401 })
    await install(4)
    await watch(service, 15)
    const alert = await openAlert(service, code)
    const { host } = new URL(upstream.url)
    assert.is(alert.subject, host)
    assert.is(alert.severity, 'critical')
    const detail = `${host} refused at least 5 different archives in a row (${host} answered 401 (Unauthorized)).`
    assert.is(alert.detail, detail)
    await install(5)
    await watch(service, 600)
    const { id, detail: later } = await openAlert(service, code)
    assert.is(id, alert.id)
    assert.match(later, 'refused at least 6 different archives')
    assert.is(await isOpen(service, 'upstream_failing'), false, 'it answers')
    clear()
  })

  test('stay open over a restart, until an archive is had from it', async (service) => {
    const { install, restart } = service
    const alert = await openAlert(service, code)
    await restart()
    await watch(service, 600)
    assert.is((await openAlert(service, code)).id, alert.id)
    assert.equal(await install(6), [200])
    await watch(service, 135)
    await isResolved(service, alert)
  })

  test('begin to count anew with each that it gives', async (service) => {
    const { install, upstream } = service
    const refuse = () => upstream.fail({ match: archives, mode: 'status', status: 400 })
    let clear = refuse()
    await install(0, 1, 2, 3)
    clear()
    assert.equal(await install(4), [200])
    clear = refuse()
    await install(0, 1, 2, 3)
    await watch(service, 15)
    assert.is(await isOpen(service, code), false)
    await install(5)
    await watch(service, 15)
    assert.match((await openAlert(service, code)).detail, 'answered 400 (Bad Request)')
    clear()
  })
})
