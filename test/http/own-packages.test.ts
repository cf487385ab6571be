import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import {
  openOwnPackages,
  type OwnPackages,
  type Reader,
  referenceOf,
  versionsAt,
} from '../support/own-packages.ts'
import { packageZip } from '../support/publishing.ts'
import { describe } from '../support/suite.ts'

async function namesAt(world: OwnPackages, path: string): Promise<readonly unknown[]> {
  return (await versionsAt(world, path)).map(({ version }) => version)
}

const log = { name: 'own/log', description: 'Logs', require: { php: '>=8.1' } }

describe('packages of our own', openOwnPackages, (test) => {
  test('are served like all others, with archives at this server', async (world) => {
    const { put, url, get, reader, upstream } = world
    upstream.forget()
    const zip = packageZip(log)
    const { version: published } = await put('own/log/1.0.0', zip)
    const [version] = await versionsAt(world, '/p2/own/log.json')
    const dist = version?.['dist'] as Readonly<Record<string, string>>
    const path = `/dist-proxy/own/log/1.0.0.0/${published.reference}.zip`
    assert.is(dist['url'], `${url}${path}`)
    assert.is(dist['reference'], published.reference)
    const archive = await get(path, reader.headers)
    assert.is(archive.statusCode, 200)
    assert.ok(archive.body.equals(zip))
    const part = await get(path, { ...reader.headers, range: 'bytes=2-5' })
    assert.is(part.statusCode, 206)
    assert.ok(part.body.equals(zip.subarray(2, 6)))
    assert.is(upstream.requests.length, 0)
  })

  test('are for those who may read them, and no cache gives them to others', async (world) => {
    const { get, reader, put } = world
    const { version } = await put('own/log/1.0.0', packageZip(log))
    const archive = `/dist-proxy/own/log/1.0.0.0/${version.reference}.zip`
    for (const path of ['/p2/own/log.json', '/at/2026-05-31/p2/own/log.json', archive]) {
      assert.is((await get(path)).statusCode, 401, path)
      const { statusCode, headers } = await get(path, reader.headers)
      assert.is(statusCode, 200, path)
      assert.match(headers['cache-control'] ?? '', /^private/)
      assert.match(headers.vary ?? '', 'Authorization')
    }
  })

  test('that are not there are 404 to those who may read their vendor', async ({ get, reader }) => {
    for (const path of ['/p2/own/nothing.json', '/dist-proxy/own/log/1.0.0.0/ab.zip']) {
      const { statusCode, body } = await get(path, reader.headers)
      assert.is(statusCode, 404, path)
      const { warning, message } = JSON.parse(body.toString())
      assert.type(warning ?? message, 'string')
    }
  })

  test('are revalidated by a date that no other bytes have', async (world) => {
    const { get, reader, put, restart } = world
    const dates = new Map<string, string>()
    const look = async () => {
      const { headers, body } = await get('/p2/own/dated.json', reader.headers)
      const date = headers['last-modified'] ?? ''
      const same = await get('/p2/own/dated.json', { ...reader.headers, 'if-modified-since': date })
      assert.is(same.statusCode, 304)
      assert.is(same.body.length, 0)
      const known = dates.get(date)
      assert.ok(known === undefined || known === body.toString(), 'the date is of other bytes')
      dates.set(date, body.toString())
    }
    const dated = { ...log, name: 'own/dated' }
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) {
      await put(`own/dated/${version}`, packageZip(dated, version))
      await look()
    }
    await restart({ PUBLIC_URL: 'https://packages.example.com', PRIVATE_VENDORS: 'own' })
    await look()
    assert.is(dates.size, 4)
    await restart({ PRIVATE_VENDORS: 'own' })
    await look()
    assert.is(dates.size, 4, 'the former bytes have their former date')
  })

  test('at a date are as they were then, and empty before', async (world) => {
    const { put, remove, clock, get, reader } = world
    const timed = { ...log, name: 'own/timed' }
    const before = clock.now()
    clock.advance(120)
    await put('own/timed/1.0.0', packageZip(timed, '1'))
    const first = clock.now()
    clock.advance(120)
    await put('own/timed/1.1.0', packageZip(timed, '2'))
    const branch = await put('own/timed/dev-main', packageZip(timed, 'a'))
    clock.advance(1)
    const second = clock.now()
    clock.advance(120)
    await remove('own/timed/1.0.0')
    await put('own/timed/dev-main', packageZip(timed, 'b'))
    clock.advance(120)

    assert.equal(await namesAt(world, `/at/${before}/p2/own/timed.json`), [])
    assert.equal(await namesAt(world, `/at/${first}/p2/own/timed.json`), ['1.0.0'])
    assert.equal(await namesAt(world, `/p2/own/timed.json?at=${second}`), ['1.1.0', '1.0.0'])
    assert.equal(await namesAt(world, '/p2/own/timed.json'), ['1.1.0'])
    assert.equal(await namesAt(world, `/at/${first}/p2/own/timed~dev.json`), [])
    const [then] = await versionsAt(world, `/at/${second}/p2/own/timed~dev.json`)
    const [now] = await versionsAt(world, '/p2/own/timed~dev.json')
    assert.is(referenceOf(then), branch.version.reference)
    assert.is.not(referenceOf(now), branch.version.reference)
    const header = (await get(`/at/${first}/p2/own/timed.json`, reader.headers)).headers
    assert.match(String(header['x-time-machine']), /^exact; since=/)
    const [withdrawn] = await versionsAt(world, `/at/${first}/p2/own/timed.json`)
    for (const path of [
      // Of a version that was withdrawn, and of a state that a branch has moved on from.
      `/dist-proxy/own/timed/1.0.0.0/${String(referenceOf(withdrawn))}.zip`,
      `/dist-proxy/own/timed/dev-main/${branch.version.reference}.zip`,
    ]) {
      assert.is((await get(path, reader.headers)).statusCode, 200, path)
    }
  })

  test('at a date have the same bytes for ever', async (world) => {
    const { put, remove, clock, get, reader, restart } = world
    const name = { ...log, name: 'own/stays' }
    await put('own/stays/1.0.0', packageZip(name, '1'))
    const at = clock.now()
    clock.advance(120)
    const pinned = async () => {
      const { body, headers } = await get(`/at/${at}/p2/own/stays.json`, reader.headers)
      return [body.toString(), headers['last-modified'], headers['x-time-machine']]
    }
    const first = await pinned()
    await put('own/stays/1.1.0', packageZip(name, '2'))
    await remove('own/stays/1.0.0')
    clock.advance(3600)
    assert.equal(await pinned(), first)
    await restart()
    assert.equal(await pinned(), first)
  })

  test('can be blocked like all others, and upstream’s lists are not about them', async (world) => {
    const { put, api, get, reader } = world
    const bad = { ...log, name: 'own/bad' }
    const { version } = await put('own/bad/1.0.0', packageZip(bad, '1'))
    await put('own/bad/1.1.0', packageZip(bad, '2'))
    const rule = { package: 'own/bad', constraint: '<1.1', reason: 'loses messages' }
    await api('POST', '/api/v1/proxy/block', { json: rule })
    assert.equal(await namesAt(world, '/p2/own/bad.json'), ['1.1.0'])
    const archive = `/dist-proxy/own/bad/1.0.0.0/${version.reference}.zip`
    assert.is((await get(archive, reader.headers)).statusCode, 410)
    await api('POST', '/api/v1/proxy/unblock', { json: { package: 'own/bad' } })
    assert.is((await get(archive, reader.headers)).statusCode, 200)
  })

  test('are frozen by nobody: upstream has no say in them', async ({ api, upstream }) => {
    upstream.forget()
    const { status, body } = await api('POST', '/api/v1/proxy/freeze/own/log', { json: {} })
    assert.is(status, 409)
    assert.is((body as { code: string }).code, 'package_reserved')
    assert.is(upstream.requests.length, 0)
  })

  test('that are damaged are 503 until whoever has them publishes them again', async (world) => {
    const { put, database, get, reader } = world
    const zip = packageZip({ ...log, name: 'own/broken' })
    const { version } = await put('own/broken/1.0.0', zip)
    await sql`
      with lost as (delete from blob where sha256 = ${version.reference} returning oid)
      select lo_unlink(oid) from lost`.execute(database.db)
    const path = `/dist-proxy/own/broken/1.0.0.0/${version.reference}.zip`
    const lost = await get(path, reader.headers)
    assert.is(lost.statusCode, 503)
    assert.match(lost.body.toString(), 'publish it again')
    assert.is((await put('own/broken/1.0.0', zip)).status, 200)
    assert.ok((await get(path, reader.headers)).body.equals(zip))
  })

  test('are listed and found by those who may read them, at a date as of that date', async (world) => {
    const { get, reader, put, clock } = world
    const before = clock.now()
    clock.advance(120)
    await put(
      'own/findable/1.0.0',
      packageZip({ ...log, name: 'own/findable', keywords: ['xyzzy'] }),
    )
    clock.advance(120)
    const names = async (path: string, headers: Reader['headers'] = {}) => {
      const answer = await get(path, headers)
      assert.match(answer.headers['cache-control'] ?? '', 'private')
      assert.match(answer.headers.vary ?? '', 'Authorization')
      const { packageNames, results } = JSON.parse(answer.body.toString()) as {
        packageNames?: string[]
        results?: { name: string }[]
      }
      return packageNames ?? results?.map(({ name }) => name) ?? []
    }
    for (const path of ['/packages/list.json', '/search.json?q=xyzzy']) {
      assert.ok((await names(path, reader.headers)).includes('own/findable'), path)
      assert.not.ok((await names(path)).includes('own/findable'), path)
      const pinned = await names(`/at/${before}${path}`, reader.headers)
      assert.not.ok(pinned.includes('own/findable'), path)
    }
    assert.ok((await names('/packages/list.json')).includes('acme/log'))
  })
})
