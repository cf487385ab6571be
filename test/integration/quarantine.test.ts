import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { sql } from 'kysely'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { type Blob, BlobLost, type BlobStore } from '../../src/archives/blobs.ts'
import { emptyQuarantine } from '../../src/archives/quarantine.ts'
import { removeBlobs } from '../../src/archives/remove.ts'
import { openDatabase } from '../../src/database/client.ts'
import { migrate } from '../../src/database/migrate.ts'
import type { Db } from '../../src/database/schema.ts'
import type { Sha256 } from '../../src/events/types.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { addSeconds } from '../../src/time-machine/instant.ts'
import { bytesOf, checkObjects, openBlobs, putBlob, readBlob } from '../support/blobs.ts'
import { openWorkplace, start } from '../support/embedded.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { describe, rejection } from '../support/suite.ts'

const logger = pino({ level: 'silent' })
const large = 5_000_000
const nothing = sha256Of(Buffer.alloc(0))

async function open() {
  const database = await createTestDatabase()
  const opened = openDatabase({ connectionString: database.url, logger })
  return {
    db: opened.db,
    ...(await openBlobs(opened)),
    async close() {
      await checkObjects(opened.db)
      await opened.db.destroy()
      await database.close()
    },
  }
}

async function found(blobs: BlobStore, sha256: Sha256): Promise<Blob> {
  const blob = await blobs.find(sha256)
  if (blob === undefined) throw new Error('the blob is not there')
  return blob
}

/** Does something to the object of a blob, and not to its row. */
async function change(db: Db, sha256: Sha256, what: string): Promise<void> {
  await sql`select ${sql.raw(what)} from blob where sha256 = ${sha256}`.execute(db)
}

async function quarantined(db: Db): Promise<readonly { oid: number; sha256: Sha256 }[]> {
  return await db.selectFrom('blob_quarantine').select(['oid', 'sha256']).execute()
}

describe('a damaged blob', open, (test) => {
  test('is moved aside once, whoever reads it, and can be put and looked at again', async (world) => {
    const { db, blobs, damaged } = world
    const body = randomBytes(large)
    const sha256 = await putBlob(blobs, body)
    const { oid } = await db
      .selectFrom('blob')
      .select('oid')
      .where('sha256', '=', sha256)
      .executeTakeFirstOrThrow()
    await change(db, sha256, `lo_put(oid, 4000000, 'X')`)
    const blob = await found(blobs, sha256)
    const readers = Array.from({ length: 5 }, async () => await rejection(bytesOf(blob)))
    for (const error of await Promise.all(readers)) assert.instance(error, BlobLost)
    assert.equal(
      damaged.map(({ problem }) => problem),
      ['its bytes hash differently'],
    )
    assert.equal(await quarantined(db), [{ oid, sha256 }])
    assert.is(await blobs.find(sha256), undefined)

    await putBlob(blobs, body)
    assert.ok((await readBlob(blobs, sha256))?.equals(body))
    const { rows } = await sql<{ damaged: Buffer }>`select lo_get(${oid}) as damaged`.execute(db)
    assert.is(rows[0]?.damaged.length, large, 'the damaged object is still there')
  })

  for (const [what, how, problem] of [
    ['is missing, as after a restore without large objects', 'lo_unlink(oid)', 'missing'],
    ['is cut off', 'lo_truncate(lo_open(oid, 393216), 4500000)', 'too short'],
  ] as const) {
    for (const [part, range] of [
      ['whole', undefined],
      ['in part', { from: 4_400_000, to: large }],
    ] as const) {
      test(`that ${what} is noticed by who reads it ${part}`, async ({ db, blobs, damaged }) => {
        const before = damaged.length
        const sha256 = await putBlob(blobs, randomBytes(large))
        await change(db, sha256, how)
        const blob = await found(blobs, sha256)
        assert.instance(await rejection(bytesOf(blob, range)), BlobLost)
        assert.match(damaged.at(-1)?.problem ?? '', problem)
        assert.is(damaged.length, before + 1)
        assert.is(await blobs.find(sha256), undefined)
      })
    }
  }

  test('is not what a reader finds whose blob is evicted', async ({
    db,
    blobs,
    damaged,
    clock,
  }) => {
    const before = damaged.length
    const sha256 = await putBlob(blobs, randomBytes(large))
    const blob = await found(blobs, sha256)
    await removeBlobs(db, { names: [sha256], now: clock.now, logger })
    assert.match(String(await rejection(bytesOf(blob))), 'evicted')
    assert.match(String(await rejection(bytesOf(blob, { from: 1, to: 2 }))), 'evicted')
    assert.is(damaged.length, before)
  })

  test('is unlinked once it has been there for long enough', async ({ db, clock }) => {
    const [first] = await quarantined(db)
    assert.ok(first !== undefined)
    assert.is(await emptyQuarantine(db, clock.now()), 0n)
    await sql`select lo_unlink(${first?.oid})`.execute(db) // by the one who looked at it
    assert.ok((await emptyQuarantine(db, addSeconds(clock.now(), 1))) > 0n)
    assert.equal(await quarantined(db), [])
  })

  test('whose object is missing is evicted like any other', async ({ db, blobs, clock }) => {
    const names = [await putBlob(blobs, randomBytes(10)), await putBlob(blobs, randomBytes(20))]
    await change(db, names[0] ?? nothing, 'lo_unlink(oid)')
    assert.is(await removeBlobs(db, { names, now: clock.now, logger }), 30n)
  })
})

/** A server of its own: its files are changed while it doesn't run. */
async function openDamagedDisk() {
  const dataDirectory = (await openWorkplace()).newDirectory()
  const bodies = [1, 2, 3].map(() => randomBytes(300_000))
  const server = await start(dataDirectory)
  const first = openDatabase({ connectionString: server.connectionString, logger })
  await migrate(first.db)
  const { blobs } = await openBlobs(first)
  const names = []
  for (const body of bodies) names.push(await putBlob(blobs, body))
  const { rows } = await sql<{ file: string }>`
    select pg_relation_filepath('pg_largeobject') as file`.execute(first.db)
  await first.db.destroy()
  await server.stop()
  const file = path.join(dataDirectory, 'postgresql', rows[0]?.file ?? '')
  const pages = readFileSync(file)
  for (const body of bodies.slice(0, 2)) {
    const at = pages.indexOf(body.subarray(100_000, 100_020))
    pages[at] = (pages[at] ?? 0) ^ 1
  }
  writeFileSync(file, pages)

  const again = await start(dataDirectory)
  const opened = openDatabase({ connectionString: again.connectionString, logger })
  return {
    ...(await openBlobs(opened)),
    db: opened.db,
    names,
    async close() {
      await opened.db.destroy()
      await again.stop()
    },
  }
}

describe('bits that have changed on the disk', openDamagedDisk, (test) => {
  test('are found by PostgreSQL, and the blob goes to quarantine', async (world) => {
    const { blobs, names, damaged, db, clock } = world
    const [sha256 = nothing] = names
    const blob = await found(blobs, sha256)
    assert.instance(await rejection(bytesOf(blob)), BlobLost)
    assert.match(damaged[0]?.problem ?? '', 'invalid page')
    assert.is((await quarantined(db)).length, 1)
    await emptyQuarantine(db, addSeconds(clock.now(), 1))
    assert.is((await quarantined(db)).length, 1, 'it can’t be unlinked, and harms nothing')
  })

  test('keep no other blob from being evicted', async ({ db, names, blobs, clock }) => {
    assert.is(await removeBlobs(db, { names, now: clock.now, logger }), 300_000n)
    for (const name of names) assert.is(await blobs.find(name), undefined)
    assert.is((await quarantined(db)).length, 2)
  })
})
