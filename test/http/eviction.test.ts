import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { startService, type Service } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const sizeBytes = 40_000
const many = Array.from({ length: 16 }, (_, n) => `1.${n}.0`)

/** A package of 16 versions whose archives are 40 kB each, and a little more. */
async function open() {
  const service = await startService({
    settings: { ARCHIVE_MEMORY_BYTES: '0', PROXY_MAX_CACHE_SIZE: String(4 * (sizeBytes + 3000)) },
    upstream: {
      packages: [
        {
          name: 'acme/big',
          description: 'Has large archives',
          ballastBytes: sizeBytes,
          tags: many.map((version) => [version, '2025-01-01']),
          branches: { main: ['2025-01-01'] },
        },
        {
          name: 'acme/huge',
          description: 'Has an archive that is larger than the whole cache',
          ballastBytes: 10 * sizeBytes,
          tags: [['1.0.0', '2025-01-01']],
          branches: { main: ['2025-01-01'] },
        },
      ],
    },
  })
  const answer = await service.get('/p2/acme/big.json')
  const huge = await service.get('/p2/acme/huge.json')
  const references = [answer, huge].flatMap(({ body }) =>
    [...body.toString().matchAll(/"version":"([^"]+)".*?"dist":.*?"reference":"([^"]+)"/g)].map(
      ([, version, reference]) => ({ version, reference }),
    ),
  )
  const path = (version: string, name = 'acme/big') => {
    const all = name === 'acme/big' ? references.slice(0, -1) : references.slice(-1)
    const reference = all.find((each) => each.version === version)?.reference
    return `/dist-proxy/${name}/${version}.0/${reference}.zip`
  }
  return { ...service, path }
}

const maxBytes = 4 * (sizeBytes + 3000)

interface Stock {
  readonly blobs: number
  readonly bytes: number
  readonly objects: number
  readonly listed: number
}

/** What is really there, and what the read model lists. */
async function stock({ database }: Pick<Service, 'database'>): Promise<Stock> {
  const { rows } = await sql<Stock>`
    select (select count(*)::int from blob) as blobs,
      (select coalesce(sum(size_bytes), 0)::int from blob) as bytes,
      (select count(*)::int from pg_largeobject_metadata) as objects,
      (select size_bytes::int from blob_use_total) as listed`.execute(database.db)
  const [row] = rows
  if (row === undefined) throw new Error('no row')
  return row
}

async function evictions({ events }: Pick<Service, 'events'>): Promise<number> {
  return (await events()).filter(({ type }) => type === 'ArchiveEvicted').length
}

describe('a cache that is a quarter of what is asked for', open, (test) => {
  test('serves all of it again and again, and never passes its size', async (service) => {
    const { get, path } = service
    for (const version of [...many, ...many.toReversed(), ...many]) {
      const answer = await get(path(version))
      assert.is(answer.statusCode, 200, version)
      assert.is(String(answer.body.length), answer.headers['content-length'])
      const { bytes, listed, blobs, objects } = await stock(service)
      assert.ok(bytes <= maxBytes, `${bytes} of ${maxBytes}`)
      assert.is(listed, bytes, 'the total is that of what is there')
      assert.is(objects, blobs, 'rows and objects go together')
    }
    assert.ok((await evictions(service)) > 30)
  })

  test('keeps what was used last, also what was used a moment ago', async (service) => {
    const { get, path, upstream } = service
    for (const version of ['1.0.0', '1.1.0', '1.2.0', '1.3.0']) await get(path(version))
    service.clock.advance(1)
    await get(path('1.0.0'))
    service.clock.advance(1)
    await get(path('1.4.0'))
    upstream.forget()
    for (const version of ['1.0.0', '1.2.0', '1.3.0', '1.4.0']) await get(path(version))
    assert.is(upstream.requests.length, 0, 'all of those are here')
    await get(path('1.1.0'))
    assert.is(upstream.requests.length, 1, 'the one that was evicted')
  })

  test('holds for many at once, too', async (service) => {
    const { get, path } = service
    const answers = await Promise.all(many.map(async (version) => await get(path(version))))
    for (const { statusCode } of answers) assert.is(statusCode, 200)
    const { bytes, listed } = await stock(service)
    assert.ok(bytes <= maxBytes, `${bytes} of ${maxBytes}`)
    assert.is(listed, bytes)
  })

  test('passes on an archive that is larger than itself, and keeps the others', async (service) => {
    const { get, path } = service
    const before = await stock(service)
    const huge = path('1.0.0', 'acme/huge')
    const answers = await Promise.all([get(huge), get(huge), get(huge)])
    for (const { statusCode, body, headers } of answers) {
      assert.is(statusCode, 200)
      assert.ok(body.length > 10 * sizeBytes)
      assert.is(String(body.length), headers['content-length'])
    }
    assert.equal(await stock(service), before)
  })

  test('tells at the next cleanup what a crash kept from being told', async (service) => {
    const { database, runJob, path, get } = service
    await sql`
      with gone as (delete from blob where sha256 in (select sha256 from blob limit 2) returning oid)
      select lo_unlink(oid) from gone`.execute(database.db)
    const before = await evictions(service)
    await runJob('cleanup')
    await runJob('cleanup')
    assert.is(await evictions(service), before + 2)
    const { bytes, listed } = await stock(service)
    assert.is(listed, bytes)
    for (const version of many) assert.is((await get(path(version))).statusCode, 200)
  })

  test('keeps longest what upstream no longer names', async (service) => {
    const { get, path, upstream, clock } = service
    await get(path('1.7.0'))
    upstream.withdraw('acme/big', '1.7.0')
    clock.advance(4000)
    await get('/p2/acme/big.json')
    for (const version of many) if (version !== '1.7.0') await get(path(version))
    upstream.forget()
    assert.is((await get(path('1.7.0'))).statusCode, 200)
    assert.is(upstream.requests.length, 0, 'it is still here')
  })
})
