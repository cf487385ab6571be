import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { readCacheSize } from '../../projections/blob-use-queries.ts'
import { createDeadSpace } from '../../src/archives/dead-space.ts'
import { openDatabase } from '../../src/database/client.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { putBlob } from '../support/blobs.ts'
import { openTestCache, type TestCache } from '../support/cache.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { describe } from '../support/suite.ts'

const mebibyte = 1024 * 1024

async function store({ blobs, name }: TestCache, sizeBytes: number): Promise<Buffer> {
  const body = randomBytes(sizeBytes)
  await putBlob(blobs, body)
  await name(body)
  return body
}

describe('the cache', openTestCache, (test) => {
  test('says of what it evicts whether it had expired', async (world) => {
    const { clock, openCache, use, log } = world
    const [old, used, young] = [
      await store(world, 100),
      await store(world, 100),
      await store(world, 100),
    ]
    clock.advance(3600)
    await use(sha256Of(used))
    clock.advance(1)
    await use(sha256Of(young))
    clock.advance(3600)
    await openCache({ maxSizeBytes: 100, archiveTtlSeconds: 3600 }).tidy()
    const told = (await log.read(0n, 100)).flatMap(({ type, data }) =>
      type === 'ArchiveEvicted' ? [{ sha256: data.sha256, reason: data.reason }] : [],
    )
    assert.equal(told, [
      { sha256: sha256Of(old), reason: 'expired' },
      { sha256: sha256Of(used), reason: 'expired' },
    ])
    clock.advance(-1)
    await openCache({ maxSizeBytes: 0, archiveTtlSeconds: 3600 }).tidy()
    const last = (await log.read(0n, 100)).at(-1)
    assert.equal(last?.data, { sha256: sha256Of(young), sizeBytes: 100, reason: 'lru' })
  })

  test('takes no more of the disk when half of it was evicted and is stored again', async (world) => {
    const { db, clock, openCache, check, lines } = world
    clock.advance(10)
    for (const _ of Array.from({ length: 24 })) await store(world, mebibyte)
    const full = await readCacheSize(db)
    assert.is(full.logicalBytes, BigInt(24 * mebibyte))
    assert.is(full.blobs, 24n)
    assert.is(full.oldestUseAt?.slice(0, 20), clock.now().slice(0, 20))
    assert.ok(full.physicalBytes > full.logicalBytes, 'PostgreSQL needs more than the bytes')
    assert.ok(full.physicalBytes < 2n * full.logicalBytes)

    for (const _ of ['once', 'again']) {
      await openCache({ maxSizeBytes: 12 * mebibyte }).tidy()
      assert.match(lines.at(-1) ?? '', `"logicalBytes":${12 * mebibyte},`)
      for (const __ of Array.from({ length: 12 })) await store(world, mebibyte)
      const again = await readCacheSize(db)
      assert.is(again.logicalBytes, full.logicalBytes)
      const growth = Number(again.physicalBytes) / Number(full.physicalBytes)
      assert.ok(growth < 1.01, `it grew to ${growth.toFixed(3)}`)
    }
    await check()
  })
})

async function openVacuum() {
  const database = await createTestDatabase()
  const { db } = openDatabase({ connectionString: database.url, logger: pino({ level: 'silent' }) })
  const lines: string[] = []
  const name = new URL(database.url).pathname.slice(1)
  await sql`create role ${sql.id(name)} login password 'secret'`.execute(db)
  return {
    db,
    lines,
    logger: pino({ level: 'warn' }, { write: (line) => void lines.push(line) }),
    /** As a role that owns nothing. */
    url: (() => {
      const url = new URL(database.url)
      Object.assign(url, { username: name, password: 'secret' })
      return url.href
    })(),
    async close() {
      await db.destroy()
      await database.close()
    },
    name,
  }
}

describe('the space of removed blobs', openVacuum, (test) => {
  test('is vacuumed once it is more than so much', async ({ db, logger, lines }) => {
    const vacuums = async () => {
      const { rows } = await sql<{ count: bigint }>`
        select vacuum_count as count from pg_stat_all_tables where relname = 'pg_largeobject'`.execute(
        db,
      )
      return rows[0]?.count
    }
    const before = await vacuums()
    const space = createDeadSpace(db, logger)
    space.add(100n)
    await space.reuse(100n)
    assert.is(await vacuums(), before)
    space.add(1n)
    await space.reuse(100n)
    await space.reuse(0n)
    assert.is(await vacuums(), (before ?? 0n) + 1n)
    assert.equal(lines, [])
  })

  test('is left to PostgreSQL by a role that may not, which is said once', async (world) => {
    const { url, logger, lines, db, name } = world
    const other = openDatabase({ connectionString: url, logger })
    const space = createDeadSpace(other.db, logger)
    for (const _ of [1, 2, 3]) {
      space.add(100n)
      await space.reuse(0n)
    }
    await other.db.destroy()
    assert.is(lines.length, 1)
    assert.match(lines[0] ?? '', 'may not vacuum')
    await sql`drop role ${sql.id(name)}`.execute(db)
  })
})
