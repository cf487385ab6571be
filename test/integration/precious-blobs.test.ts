import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { sql } from 'kysely'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { readPurged } from '../../projections/blob-use-queries.ts'
import { removeBlobs } from '../../src/archives/remove.ts'
import { PackageName } from '../../src/composer/names.ts'
import { newEvent } from '../../src/events/new-event.ts'
import { privateStream, type Sha256 } from '../../src/events/types.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { checkObjects, putBlob, readBlob } from '../support/blobs.ts'
import { openTestCache, type TestCache } from '../support/cache.ts'
import { describe } from '../support/suite.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const directory = temporaryDirectory('precious')
const packageName = PackageName.parse('own/log')
const hourSeconds = 3600

async function putPrecious({ blobs }: TestCache, body: Buffer): Promise<Sha256> {
  const sha256 = sha256Of(body)
  const file = path.join(directory, sha256)
  writeFileSync(file, body)
  assert.is(await blobs.put(file, sha256, { isPrecious: true }), 'kept')
  return sha256
}

/** Appends that a version of ours has this archive. */
async function publish({ log, clock }: TestCache, body: Buffer): Promise<void> {
  const sha256 = sha256Of(body)
  const data = {
    packageName,
    version: 'dev-main',
    versionNormalized: 'dev-main',
    sha256,
    sha1: 'a'.repeat(40),
    sizeBytes: body.length,
    treeSha256: sha256,
    documentSha256: sha256,
    publishedAt: clock.now(),
    actor: 'admin',
    requestId: 'request-1',
  }
  const events = [newEvent({ type: 'PrivateVersionPublished', data })]
  await log.append({ stream: privateStream(packageName), expected: 'any', events })
}

async function isThere({ blobs }: TestCache, body: Buffer): Promise<boolean> {
  return (await readBlob(blobs, sha256Of(body)))?.equals(body) ?? false
}

async function open() {
  const cache = await openTestCache()
  return {
    ...cache,
    close: async () => {
      await checkObjects(cache.db)
      await cache.close()
    },
  }
}

describe('a precious blob', open, (test) => {
  for (const order of ['public first', 'precious first'] as const) {
    test(`is not evicted though it is an archive of upstream as well, ${order}`, async (cache) => {
      const body = randomBytes(1000)
      const asPublic = async () => {
        await putBlob(cache.blobs, body)
        await cache.name(body)
      }
      const asPrecious = async () => {
        await putPrecious(cache, body)
        await publish(cache, body)
      }
      const [first, second] =
        order === 'public first' ? [asPublic, asPrecious] : [asPrecious, asPublic]
      await first()
      await second()
      await cache.openCache({ maxSizeBytes: 1 }).tidy()
      assert.ok(await isThere(cache, body))
      await asPublic()
      const { purge } = cache.openCache({ maxSizeBytes: 1_000_000 })
      await purge(async (limit) => await readPurged(cache.db, { limit }))
      assert.ok(await isThere(cache, body))
      const total = await cache.db.selectFrom('blob_use_total').select('blobs').executeTakeFirst()
      assert.is(total?.blobs, 0n, 'the cache counts it no more')
    })
  }

  test('survives what is told of its eviction, and every cleanup', async (cache) => {
    const body = randomBytes(1000)
    const sha256 = await putPrecious(cache, body)
    await publish(cache, body)
    const { tell, tidy } = cache.openCache({ maxSizeBytes: 1_000_000 })
    await tell([{ sha256, sizeBytes: 1000, reason: 'lru' }])
    const removal = { names: [sha256], now: cache.clock.now, logger: pino({ level: 'silent' }) }
    assert.is(await removeBlobs(cache.db, removal), 0n)
    cache.clock.advance(30 * 86_400)
    await tidy()
    assert.ok(await isThere(cache, body))
  })

  test('that belongs to no version is swept once it is an hour old, and no sooner', async (cache) => {
    const body = randomBytes(1000)
    await putPrecious(cache, body)
    const { tidy } = cache.openCache({ maxSizeBytes: 1_000_000 })
    cache.clock.advance(hourSeconds - 1)
    await tidy()
    assert.ok(await isThere(cache, body))
    // Somebody publishes the same again: it is young again.
    await putPrecious(cache, body)
    cache.clock.advance(hourSeconds - 1)
    await tidy()
    assert.ok(await isThere(cache, body))
    cache.clock.advance(2)
    await tidy()
    assert.not(await isThere(cache, body))
    const rows = await cache.db.selectFrom('precious_blob').selectAll().execute()
    assert.not(rows.some(({ sha256 }) => sha256 === sha256Of(body)))
  })

  test('that came to nothing stays as what upstream has of it', async (cache) => {
    const body = randomBytes(1000)
    await putPrecious(cache, body)
    await putBlob(cache.blobs, body)
    await cache.name(body)
    cache.clock.advance(hourSeconds + 1)
    await cache.openCache({ maxSizeBytes: 1_000_000 }).tidy()
    assert.ok(await isThere(cache, body))
    await cache.openCache({ maxSizeBytes: 1 }).tidy()
    assert.not(await isThere(cache, body), 'and is evicted like all others')
  })

  test('is put by many at once, while others remove it', async (cache) => {
    const body = randomBytes(100_000)
    const removal = {
      names: [sha256Of(body)],
      now: cache.clock.now,
      logger: pino({ level: 'silent' }),
    }
    for (let round = 0; round < 10; round++) {
      await cache.db.deleteFrom('precious_blob').execute()
      await putBlob(cache.blobs, body)
      await Promise.all([
        putPrecious(cache, body),
        removeBlobs(cache.db, removal),
        putPrecious(cache, body),
        removeBlobs(cache.db, removal),
      ])
      assert.ok(await isThere(cache, body), `round ${round}`)
    }
    await publish(cache, body)
  })

  test('that is damaged stays in quarantine until it is put again', async (cache) => {
    const body = randomBytes(300_000)
    const sha256 = await putPrecious(cache, body)
    await publish(cache, body)
    await sql`select lo_put(oid, 1000, 'X') from blob where sha256 = ${sha256}`.execute(cache.db)
    assert.is(await readBlob(cache.blobs, sha256), undefined)
    const { tidy } = cache.openCache({ maxSizeBytes: 1_000_000 })
    const quarantined = async () =>
      (await cache.db.selectFrom('blob_quarantine').select('sha256').execute()).length
    cache.clock.advance(30 * 86_400)
    await tidy()
    assert.is(await quarantined(), 1)
    // Upstream has the same bytes: they are precious all the same.
    await putBlob(cache.blobs, body)
    await cache.openCache({ maxSizeBytes: 1 }).tidy()
    assert.ok(await isThere(cache, body))
    assert.is(await quarantined(), 0)
  })
})
