import * as assert from 'uvu/assert'
import {
  acknowledge,
  alertList,
  alertsOf,
  isOpen,
  isResolved,
  openAlert,
  watch,
} from '../support/alerts.ts'
import { feedRequests, known, pass, poll, secondOf, withFeed } from '../support/feed.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const everything = /./
const log = '/p2/acme/log.json'

describe('alerts of an upstream that fails', startService, (test) => {
  test('open when it has failed for a minute, and not for what passes', async (service) => {
    const { get, upstream } = service
    await get(log)
    const clear = upstream.fail({ match: everything, mode: 'reset' })
    await Promise.all(known.map(async (path) => await get(path)))
    await service.runJob('alerts')
    await watch(service, 45)
    assert.is(await isOpen(service, 'upstream_failing'), false)
    await watch(service, 15)
    const alert = await openAlert(service, 'upstream_failing')
    assert.is(alert.subject, upstream.url)
    const { host } = new URL(upstream.url)
    const why = `${host} could not be reached: the connection broke off`
    assert.match(alert.detail, `requests to ${upstream.url} failed (${why}); the last one that`)
    clear()
  })

  test('are told again every ten minutes while it lasts, as one', async (service) => {
    const before = await openAlert(service, 'upstream_failing')
    await watch(service, 1200)
    const after = await openAlert(service, 'upstream_failing')
    assert.is(after.id, before.id)
    assert.is(after.count, 3)
    assert.is(after.lastSeenAt, secondOf(service.clock.now()))
  })

  test('stay open when somebody has seen them', async (service) => {
    const { id } = await openAlert(service, 'upstream_failing')
    const seen = await acknowledge(service, await openAlert(service, 'upstream_failing'))
    assert.is(seen.id, id)
    assert.is(seen.state, 'open')
    assert.is(seen.acknowledgedBy, 'admin')
    const events = (await service.events()).length
    assert.equal(await acknowledge(service, seen), seen)
    assert.is((await service.events()).length, events, 'there is nothing new to record')
  })

  test('stay open over a restart, until upstream is asked and answers', async (service) => {
    const { get, restart } = service
    const alert = await openAlert(service, 'upstream_failing')
    await restart()
    await watch(service, 600)
    assert.is((await openAlert(service, 'upstream_failing')).id, alert.id)
    pass(service, 3600)
    assert.is((await get(log)).statusCode, 200)
    await watch(service, 120)
    assert.is(await isOpen(service, 'upstream_failing'), true, 'not at its first good answer')
    await watch(service, 15)
    await isResolved(service, alert)
  })

  test('are one for an upstream that comes and goes', async (service) => {
    const { get, upstream } = service
    const fails = async () => {
      pass(service, 3600)
      const clear = upstream.fail({ match: everything, mode: 'reset' })
      await Promise.all(known.map(async (path) => await get(path)))
      await watch(service, 90)
      return clear
    }
    let clear = await fails()
    const alert = await openAlert(service, 'upstream_failing')
    for (let round = 0; round < 3; round++) {
      clear()
      pass(service, 3600)
      await get(log)
      await watch(service, 60)
      clear = await fails()
      assert.is((await openAlert(service, 'upstream_failing')).id, alert.id)
    }
    clear()
    assert.is((await alertsOf(service, 'upstream_failing', '?state=all')).length, 2)
  })
})

describe('alerts of an upstream that is asked too often', startService, (test) => {
  test('open at once, and are resolved when it answers again', async (service) => {
    const { get, upstream } = service
    await get(log)
    pass(service, 3600)
    const match = /acme\/log/
    const clear = upstream.fail({ match, mode: 'status', status: 429, retryAfterSeconds: 600 })
    await get(log)
    await watch(service, 15)
    const alert = await openAlert(service, 'upstream_rate_limiting')
    assert.is(alert.subject, upstream.url)
    await watch(service, 585)
    await get(log)
    await watch(service, 15)
    assert.is((await openAlert(service, 'upstream_rate_limiting')).id, alert.id)
    assert.is(await isOpen(service, 'upstream_failing'), false, 'it is well, and wants a pause')
    clear()
    pass(service, 600)
    await get(log)
    await watch(service, 135)
    await isResolved(service, alert)
  })
})

describe('alerts of a change feed', withFeed(), (test) => {
  test('that is not read any more, until it is', async (service) => {
    const { get, upstream } = service
    await get(log)
    await poll(service)
    await watch(service, 600)
    assert.is(await isOpen(service, 'feed_lagging'), true, 'nobody has read it')
    const alert = await openAlert(service, 'feed_lagging')
    assert.is(alert.subject, upstream.url)
    assert.match(alert.detail, 'gives no answer of use. It was read last at 2026-06-01T00:00:00Z.')
    await poll(service)
    await watch(service, 135)
    await isResolved(service, alert)
  })

  test('that fails while all else works', async (service) => {
    const { upstream } = service
    const clear = upstream.fail({ match: feedRequests, mode: 'status', status: 404 })
    for (let minutes = 0; minutes < 8; minutes++) {
      await watch(service, 60)
      await poll(service)
    }
    const alert = await openAlert(service, 'feed_lagging')
    clear()
    await poll(service)
    await watch(service, 135)
    await isResolved(service, alert)
  })

  test('are none when upstream as a whole fails', async (service) => {
    const { upstream } = service
    const clear = upstream.fail({ match: everything, mode: 'reset' })
    for (let minutes = 0; minutes < 10; minutes++) {
      await poll(service)
      await watch(service, 60)
    }
    assert.is(await isOpen(service, 'feed_lagging'), false)
    assert.is(await isOpen(service, 'upstream_failing'), true)
    clear()
    await poll(service)
    await watch(service, 135)
    assert.is(await isOpen(service, 'feed_lagging'), false)
    assert.is(await isOpen(service, 'upstream_failing'), false)
  })

  test('that the root file no longer names', async (service) => {
    const { upstream, get } = service
    upstream.dropFeed()
    pass(service, 3600)
    await get('/packages.json')
    await service.runJob('alerts')
    await watch(service, 120)
    assert.match((await openAlert(service, 'feed_lagging')).detail, 'no longer names a change feed')
  })

  test('are over when nobody wants it to be followed', async (service) => {
    const alert = await openAlert(service, 'feed_lagging')
    await service.restart({ PROXY_FEED_INTERVAL: '0' })
    await watch(service, 135)
    await isResolved(service, alert)
  })
})

describe('an upstream without a feed', withFeed({ upstream: { hasFeed: false } }), (test) => {
  test('lacks nothing', async (service) => {
    await service.get(log)
    for (let minutes = 0; minutes < 15; minutes++) {
      await poll(service)
      await watch(service, 60)
    }
    assert.equal((await alertList(service)).alerts, [])
  })
})
