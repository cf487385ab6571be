import * as assert from 'uvu/assert'
import { openOwnPackages, type Reader } from '../support/own-packages.ts'
import { packageZip } from '../support/publishing.ts'
import { describe, eventually } from '../support/suite.ts'

const log = { name: 'own/log', description: 'Logs' }

describe('installs', openOwnPackages, (test) => {
  test('are recorded with who reported them, unless that one may not read the package', async (world) => {
    const { put, get, url, reader, runJob, api, events, upstream } = world
    await put('own/log/1.0.0', packageZip(log))
    await get('/p2/acme/log.json')
    upstream.forget()
    const downloads = [
      { name: 'own/log', version: '1.0.0.0' },
      { name: 'acme/log', version: '1.0.0.0' },
      { name: 'made/up', version: '1.0.0.0' },
      { name: 'not a name', version: '1' },
    ]
    const report = async (headers: Reader['headers'] = {}) => {
      const body = JSON.stringify({ downloads })
      return (await fetch(`${url}/downloads/`, { method: 'POST', body, headers })).status
    }
    assert.is(await report(), 201)
    assert.is(await report(reader.headers), 201)
    assert.is(await report(reader.headers), 201)
    await runJob('usage')
    const recorded = (await events()).filter(({ type }) => type === 'PackagesInstalled')
    assert.is(recorded.length, 1)
    assert.is(upstream.requests.length, 0, 'upstream is not told')

    const shown = async () =>
      (await api('GET', '/api/v1/audit/installs')).body as {
        installs: { package: string; actor: string; count: number }[]
        isComplete: boolean
      }
    await eventually('installs are shown', async () => (await shown()).installs.length > 0)
    const { installs, isComplete } = await shown()
    assert.is(isComplete, true)
    const summed = installs.map(({ package: name, actor, count }) => {
      return [name, actor.replace(/ .*/, ''), count].join(' ')
    })
    assert.equal(summed.toSorted(), ['acme/log anonymous 1', 'acme/log token 2', 'own/log token 2'])
    const ofOne = await api('GET', '/api/v1/audit/installs?package=own/log&version=1.0')
    assert.is((ofOne.body as { installs: unknown[] }).installs.length, 1)
    const stats = await api('GET', '/api/v1/proxy/stats')
    assert.is((stats.body as { installs: number }).installs, 5)
  })

  test('are believed for what metadata or a publication ever named, and for nothing else', async (world) => {
    const { put, get, url, reader, runJob, api, events, upstream, clock } = world
    await put('own/old/1.0.0', packageZip({ name: 'own/old', description: 'Old' }))
    await put('own/old/2.0.0', packageZip({ name: 'own/old', description: 'Old' }))
    assert.is((await api('DELETE', '/api/v1/packages/own/old/1.0.0', { json: {} })).status, 200)
    for (const path of ['/p2/acme/http.json', '/p2/acme/suite.json']) await get(path)
    assert.is(
      (
        await api('POST', '/api/v1/proxy/block', {
          json: { package: 'acme/http', constraint: '1.0.0', reason: 'a test' },
        })
      ).status,
      200,
    )
    upstream.withdraw('acme/http', '1.1.0')
    clock.advance(3600)
    await get('/p2/acme/http.json')
    const named = [
      ['acme/http', '1.0.0.0'], // blocked
      ['acme/http', '1.1.0.0'], // withdrawn
      ['acme/http', '2.0.0.0'],
      ['acme/suite', '1.1.0.0'], // a metapackage, which has no archive
      ['own/old', '1.0.0.0'],
      ['own/old', '2.0.0.0'],
    ] as const
    const madeUp = Array.from({ length: 4_900 }, (_, patch) => `9.0.${patch}.0`)
    const downloads = [
      ...named.map(([name, version]) => ({ name, version })),
      ...madeUp.map((version) => ({ name: 'acme/http', version })),
      { name: 'acme/suite', version: '1.1.0.1' },
      { name: 'own/old', version: '3.0.0.0' },
      { name: 'made/up', version: '1.0.0.0' },
    ]
    const before = (await events()).length
    const body = JSON.stringify({ downloads })
    const { status } = await fetch(`${url}/downloads/`, { method: 'POST', body, ...reader })
    assert.is(status, 201)
    await runJob('usage')
    const recorded = (await events()).slice(before).flatMap((event) => {
      return event.type === 'PackagesInstalled' ? event.data.installs : []
    })
    assert.equal(
      recorded.map(({ packageName, versionNormalized }) => [packageName, versionNormalized]),
      named.map((pair) => [...pair]),
    )
  })

  test('that are no such thing are refused, in words that say how they are reported', async ({
    url,
  }) => {
    for (const body of ['', '{"downloads": {}}', '[]', '{"downloads": [{"name": 1}]}']) {
      const answer = await fetch(`${url}/downloads/`, { method: 'POST', body })
      assert.is(answer.status, 400)
      assert.match(await answer.text(), 'downloads')
    }
  })

  test('of public packages are told to upstream when the operator wants it', async (world) => {
    const { restart, url, upstream, reader } = world
    await restart({ PROXY_NOTIFY_UPSTREAM: 'true', PRIVATE_VENDORS: 'own' })
    upstream.forget()
    const gate = upstream.hold(/downloads/)
    const downloads = ['own/log', 'acme/log'].map((name) => ({ name, version: '1.0.0.0' }))
    const body = JSON.stringify({ downloads })
    const { status } = await fetch(`${url}/downloads/`, { method: 'POST', body, ...reader })
    assert.is(status, 201, 'nobody waits for upstream')
    await gate.arrived
    gate.release()
    const [told] = upstream.requestsFor(/downloads/)
    assert.equal(JSON.parse(told?.body ?? ''), { downloads: [downloads[1]] })
  })
})

describe('installs that were reported just now', openOwnPackages, (test) => {
  test('are shown, and asOf says up to when all are', async (world) => {
    const { url, get, api, clock, runJob } = world
    await get('/p2/acme/log.json')
    const body = JSON.stringify({ downloads: [{ name: 'acme/log', version: '1.1.0.0' }] })
    const report = async () =>
      assert.is((await fetch(`${url}/downloads/`, { method: 'POST', body })).status, 201)
    const shown = async () => {
      const answer = await api('GET', '/api/v1/audit/installs?package=acme/log&version=1.1.0')
      const { installs, asOf } = answer.body as { installs: { count: number }[]; asOf: string }
      return [installs[0]?.count, asOf]
    }
    await report()
    clock.advance(1)
    assert.equal(await shown(), [1, clock.now()])
    // By itself the same is recorded again after an hour only.
    await report()
    await runJob('usage')
    clock.advance(1)
    assert.equal(await shown(), [2, clock.now()])
  })

  test('name the token by its name too', async (world) => {
    const { put, reader, url, api } = world
    await put('own/log/1.0.0', packageZip(log))
    const body = JSON.stringify({ downloads: [{ name: 'own/log', version: '1.0.0.0' }] })
    await fetch(`${url}/downloads/`, { method: 'POST', body, headers: reader.headers })
    const answer = await api('GET', '/api/v1/audit/installs')
    const { installs } = answer.body as { installs: { actor: string; tokenName: string | null }[] }
    const names = installs.map(({ actor, tokenName }) => `${actor.split(' ')[0]} ${tokenName}`)
    assert.equal(names.toSorted(), ['anonymous null', 'token build server'])
  })
})
