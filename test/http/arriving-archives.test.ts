import { readdir } from 'node:fs/promises'
import { get as httpGet, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { distOf } from '../support/dist.ts'
import { startService, type Service } from '../support/service.ts'
import { describe, eventually, rejection } from '../support/suite.ts'

const distRequests = /^\/(dist|codeload)\//
const shasumTag = ['1.0.0', '2025-01-01'] as const

/** Archives of 400 kB; those of beta/signed have a SHA-1 in metadata. */
async function open() {
  const lines: string[] = []
  const large = { description: 'Has large archives', ballastBytes: 400_000, branches: {} }
  let isFull = false
  let roomBytes = Number.POSITIVE_INFINITY
  const service = await startService({
    settings: { ARCHIVE_MEMORY_BYTES: '0' },
    upstream: {
      packages: [
        ...['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'].map((name) => {
          return { ...large, name: `acme/${name}`, tags: [shasumTag] }
        }),
        { ...large, name: 'beta/signed', tags: [shasumTag], hasShasum: true },
      ],
    },
    onLogLine: (line) => lines.push(line),
    hasRoomOnDisk: async (sizeBytes) => !isFull && sizeBytes <= roomBytes,
  })
  async function place(name: string) {
    const { reference, url } = await distOf(service, name, '1.0.0')
    await service.get(`/p2/${name}.json`)
    service.upstream.forget()
    const original = Buffer.from(await (await fetch(url)).arrayBuffer())
    service.upstream.forget()
    return { path: `/dist-proxy/${name}/1.0.0.0/${reference}.zip`, reference, original }
  }
  return {
    ...service,
    lines,
    place,
    setDiskFull: (full: boolean) => void (isFull = full),
    /** For one download. */
    setRoom: (bytes: number) => void (roomBytes = bytes),
  }
}

type Context = Awaited<ReturnType<typeof open>>

/** The answer as soon as its head is there. */
async function ask({ url }: Service, path: string): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    httpGet(url + path, { agent: false }, resolve).on('error', reject)
  })
}

async function firstBytes(response: IncomingMessage): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    response.once('data', (chunk: Buffer) => {
      response.pause()
      resolve(chunk)
    })
    response.once('error', reject)
  })
}

/** Upstream sends half of the archive, and the rest after `release`. */
function halfway({ upstream }: Service) {
  let release: () => void = () => undefined
  const until = new Promise<void>((resolve) => (release = resolve))
  const clear = upstream.fail({ match: distRequests, mode: 'halfway', until })
  return () => {
    clear()
    release()
  }
}

async function stored({ events }: Context): Promise<number> {
  return (await events()).filter(({ type }) => type === 'ArchiveStored').length
}

describe('an archive that upstream is still sending', open, (test) => {
  test('is given to all who want it as it comes, by one download', async (context) => {
    const { place, upstream } = context
    const { path, original } = await place('acme/one')
    const release = halfway(context)
    const before = await stored(context)
    const responses = await Promise.all(
      Array.from({ length: 5 }, async () => await ask(context, path)),
    )
    const late = await ask(context, path)
    for (const response of [...responses, late]) {
      assert.is(response.statusCode, 200)
      assert.is(response.headers['content-length'], String(original.length))
      assert.is(response.headers.etag, undefined, 'nobody knows it yet')
      const first = await firstBytes(response)
      assert.ok(first.equals(original.subarray(0, first.length)))
      response.unshift(first)
    }
    release()
    for (const response of [...responses, late]) {
      assert.ok((await buffer(response)).equals(original))
    }
    assert.is(upstream.requestsFor(distRequests).length, 1)
    await eventually('it is stored once', async () => (await stored(context)) === before + 1)
    assert.match((await context.get(path)).headers.etag ?? '', /^"[0-9a-f]{64}"$/)
  })

  test('is brought to its end when the one who asked first leaves', async (context) => {
    const { path, original } = await context.place('acme/two')
    const before = await stored(context)
    const release = halfway(context)
    const leaving = await ask(context, path)
    await firstBytes(leaving)
    leaving.destroy()
    release()
    await eventually('it is stored', async () => (await stored(context)) > before)
    const { body } = await context.get(path)
    assert.ok(body.equals(original))
  })

  test('is waited for by who wants a part of it, or its hash', async (context) => {
    const { place, url, get } = context
    const { path, original } = await place('acme/three')
    const release = halfway(context)
    const other = await ask(context, path)
    await firstBytes(other)
    const part = get(path, { range: 'bytes=10-19' })
    const head = fetch(url + path, { method: 'HEAD' })
    release()
    assert.is((await part).statusCode, 206)
    assert.ok((await part).body.equals(original.subarray(10, 20)))
    assert.match((await head).headers.get('etag') ?? '', /^"[0-9a-f]{64}"$/)
    other.destroy()
  })

  test('never arrives whole when it turns out not to be what metadata says', async (context) => {
    const { place, upstream } = context
    const { path, reference } = await place('beta/signed')
    const before = await stored(context)
    upstream.alterArchive(reference, 'repacked')
    const response = await ask(context, path)
    assert.is(response.statusCode, 200)
    assert.match(String(await rejection(buffer(response))), 'aborted')
    assert.is(await stored(context), before)
    assert.match(context.lines.join(''), '"alert":"archive_refused"')
  })

  test('goes on unseen when the connection to upstream breaks and comes back', async (context) => {
    const { place, upstream } = context
    const { path, original } = await place('acme/four')
    upstream.fail({ match: distRequests, mode: 'truncate', times: 1 })
    assert.ok((await buffer(await ask(context, path))).equals(original))
    assert.is(upstream.requestsFor(distRequests).length, 2)
  })

  test('is cut off when upstream breaks off for good, and comes whole the next time', async (context) => {
    const { place, upstream, get } = context
    const { path, original } = await place('acme/five')
    const clear = upstream.fail({ match: distRequests, mode: 'truncate' })
    assert.match(String(await rejection(buffer(await ask(context, path)))), 'aborted')
    clear()
    context.clock.advance(60)
    assert.ok((await get(path)).body.equals(original))
  })

  test('is served though it can not be kept', async (context) => {
    const { place, get, database, lines } = context
    const { path, original } = await place('acme/six')
    const before = await stored(context)
    await sql`alter table blob add constraint broken check (size_bytes < 0) not valid`.execute(
      database.db,
    )
    assert.ok((await get(path)).body.equals(original))
    await sql`alter table blob drop constraint broken`.execute(database.db)
    assert.is(await stored(context), before)
    assert.match(lines.join(''), '"alert":"archive_not_kept"')
    assert.ok((await get(path)).body.equals(original))
    await eventually('it is stored', async () => (await stored(context)) === before + 1)
  })

  test('that the disk turns out to have no room for is passed on', async (context) => {
    const { place, get, setRoom, stagingDirectory } = context
    const { path, original } = await place('acme/nine')
    const before = await stored(context)
    setRoom(original.length - 1)
    assert.ok((await get(path)).body.equals(original))
    assert.equal(await readdir(stagingDirectory), [])
    assert.is(await stored(context), before)
    setRoom(Number.POSITIVE_INFINITY)
  })
})

describe('an archive when the disk is full', open, (test) => {
  test('is passed on and not kept, and what is kept is served as ever', async (context) => {
    const { place, get, upstream, setDiskFull, stagingDirectory } = context
    const kept = await place('acme/one')
    await get(kept.path)
    await eventually('it is stored', async () => (await stored(context)) === 1)
    const { path, original } = await place('acme/seven')
    setDiskFull(true)
    const answers = await Promise.all([get(path), get(path)])
    for (const { statusCode, body, headers } of answers) {
      assert.is(statusCode, 200)
      assert.ok(body.equals(original))
      assert.is(headers['content-length'], String(original.length))
    }
    assert.is(await stored(context), 1)
    assert.equal(await readdir(stagingDirectory), [])
    upstream.forget()
    assert.ok((await get(kept.path)).body.equals(kept.original))
    assert.is(upstream.requests.length, 0)
    setDiskFull(false)
    await get(path)
    await eventually('it is stored', async () => (await stored(context)) === 2)
  })

  test('is still checked against the SHA-1 that metadata names, and cut off before its end', async (context) => {
    const { place, upstream, setDiskFull } = context
    const { path, reference } = await place('beta/signed')
    upstream.alterArchive(reference, 'repacked')
    setDiskFull(true)
    assert.match(String(await rejection(buffer(await ask(context, path)))), 'aborted')
    setDiskFull(false)
  })

  test('is answered like any other when upstream does not give it', async (context) => {
    const { place, upstream, get, url, clock, setDiskFull } = context
    const { path, original } = await place('acme/eight')
    setDiskFull(true)
    const clear = upstream.fail({ match: distRequests, mode: 'status', status: 404 })
    assert.is((await get(path)).statusCode, 404)
    clear()
    clock.advance(60)
    upstream.fail({ match: distRequests, mode: 'status', status: 500, times: 3 })
    assert.match((await get(path)).body.toString(), 'answered 500')
    const head = await fetch(url + path, { method: 'HEAD' })
    assert.is(head.headers.get('content-length'), String(original.length))
    setDiskFull(false)
  })
})
