import { times } from '../support/long.ts'
import { sourcesOf } from '../support/sources.ts'
import fc from 'fast-check'
import { sql } from 'kysely'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { readCacheTotal, readLeastUsed } from '../../projections/blob-use-queries.ts'
import { blobUse } from '../../projections/blob-use.ts'
import { DocumentName, PackageName } from '../../src/composer/names.ts'
import { openDatabase } from '../../src/database/client.ts'
import { newEvent } from '../../src/events/new-event.ts'
import { createPostgresLog } from '../../src/events/postgres.ts'
import { type DomainEvent, type Sha256 } from '../../src/events/types.ts'
import { applyBatch, createBuild, readCheckpoint } from '../../src/projector/checkpoint.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { createSnapshotStore, sha256Of } from '../../src/snapshots/store.ts'
import { addSeconds } from '../../src/time-machine/instant.ts'
import { createClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { describe } from '../support/suite.ts'

const schema = schemaOf(blobUse)
const packageName = PackageName.parse('acme/log')
const tags = DocumentName.parse('acme/log')
const blob = (n: number): Sha256 => sha256Of(Buffer.from(`${n}`))
const reference = (n: number): string => `${n}`.repeat(40)

async function open() {
  const database = await createTestDatabase()
  const logger = pino({ level: 'silent' })
  const { db } = openDatabase({ connectionString: database.url, logger, schemas: [schema] })
  const clock = createClock()
  const log = createPostgresLog({ db, now: clock.now })
  const snapshots = createSnapshotStore(db)

  /** Applies what was recorded since the last time. */
  async function apply(): Promise<void> {
    const after = (await readCheckpoint(db, schema)) ?? 0n
    const events = await log.read(after, 1000)
    const sources = sourcesOf(snapshots.get)
    await applyBatch(db, { projection: blobUse, schema, events, after, sources })
  }
  async function record(...events: readonly DomainEvent[]): Promise<void> {
    await log.append({ stream: 'test', expected: 'any', events: events.map(newEvent) })
  }
  /** The document of the tags, which names the archives of these references. */
  async function names(...references: readonly number[]): Promise<void> {
    const versions = references.map((n) => ({
      version: `1.${n}.0`,
      version_normalized: `1.${n}.0.0`,
      dist: { type: 'zip', url: 'https://example.org/a.zip', reference: reference(n) },
    }))
    const body = Buffer.from(JSON.stringify({ packages: { 'acme/log': versions } }))
    const sha256 = await snapshots.put(body, undefined)
    const data = { document: tags, sha256, sizeBytes: body.length, fetchedAt: clock.now() }
    await record({ type: 'MetadataChanged', data })
  }
  function stored(n: number, contents = blob(n)): DomainEvent {
    return {
      type: 'ArchiveStored',
      data: {
        packageName,
        versionNormalized: `1.${n}.0.0`,
        reference: reference(n),
        distType: 'zip',
        sha256: contents,
        sizeBytes: 10 ** n,
        sourceUrl: 'https://example.org/a.zip',
        fetchedAt: clock.now(),
      },
    }
  }
  function evicted(n: number): DomainEvent {
    const data = { sha256: blob(n), sizeBytes: 10 ** n, reason: 'lru' } as const
    return { type: 'ArchiveEvicted', data }
  }
  /** Begins a new, empty read model at the end of the log. */
  async function empty(): Promise<void> {
    const head = await log.head()
    await db.transaction().execute(async (tx) => {
      await createBuild(tx, blobUse, schema)
      await tx
        .updateTable('projection_checkpoint')
        .set({ position: head })
        .where('schema_name', '=', schema)
        .execute()
    })
  }
  async function order(): Promise<readonly string[]> {
    await apply()
    return (await readLeastUsed(db, 100)).map(({ sha256, worth }) => {
      const n = [0, 1, 2, 3, 4, 5, 6, 7].find((each) => blob(each) === sha256)
      return `${n}:${worth}`
    })
  }
  return {
    db,
    clock,
    record,
    names,
    stored,
    apply,
    evicted,
    empty,
    order,
    async close() {
      await db.destroy()
      await database.close()
    },
  }
}

const step = fc.record({
  what: fc.constantFrom('store', 'store', 'access', 'access', 'evict'),
  n: fc.integer({ min: 0, max: 4 }),
  afterSeconds: fc.integer({ min: 0, max: 9 }),
  lateSeconds: fc.constantFrom(0, 0, 30),
})

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never
type Model = Map<number, { at: string; count: number; bytes: number }>

/** Records a step, and does the same to the model. */
async function doStep(
  { db, clock, record, stored, evicted }: Omit<Awaited<ReturnType<typeof open>>, 'close'>,
  model: Model,
  { what, n, lateSeconds }: Step,
): Promise<void> {
  const known = model.get(n)
  if (what === 'evict') {
    await record(evicted(n))
    model.delete(n)
  } else if (what === 'store') {
    await record(stored(n))
    const last = sql<{ at: string }>`select max(recorded_at) as at from event`
    const { rows } = await last.execute(db)
    model.set(n, { count: 0, bytes: 0, ...known, at: rows[0]?.at ?? '' })
  } else {
    const at = addSeconds(clock.now(), -lateSeconds)
    const access = { sha256: blob(n), at, count: 2, bytes: 5 }
    await record({ type: 'ArchivesAccessed', data: { accesses: [access] } })
    if (known === undefined) return
    known.at = known.at < at ? at : known.at
    known.count += 2
    known.bytes += 5
  }
}

describe('the use of blobs', open, (test) => {
  test('adds up, and is in the order of a simple model, whatever happens', async (world) => {
    const { db, clock, apply, empty } = world
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
        await empty()
        const model: Model = new Map()
        for (const each of steps) {
          clock.advance(each.afterSeconds)
          await doStep(world, model, each)
        }
        await apply()
        const expected = [...model]
          .map(([n, use]) => ({ sha256: blob(n), ...use }))
          .toSorted((a, b) => (a.at + a.sha256 < b.at + b.sha256 ? -1 : 1))
        const rows = await db.selectFrom('blob_use').selectAll().execute()
        const order = await readLeastUsed(db, 100)
        assert.equal(
          order.map(({ sha256 }) => sha256),
          expected.map(({ sha256 }) => sha256),
        )
        for (const { sha256, count, bytes } of expected) {
          const row = rows.find((each) => each.sha256 === sha256)
          assert.is(row?.use_count, BigInt(count))
          assert.is(row?.served_bytes, BigInt(bytes))
        }
        const sizes = rows.map(({ size_bytes }) => size_bytes)
        assert.equal(await readCacheTotal(db), {
          blobs: BigInt(rows.length),
          size_bytes: sizes.reduce((sum, size) => sum + size, 0n),
        })
      }),
      { numRuns: times(8, 75), endOnFailure: true },
    )
  })

  test('puts what upstream no longer names last, and what nothing is any more first', async (world) => {
    const { clock, record, names, stored, order, empty, evicted } = world
    await empty()
    for (const n of [0, 1, 2, 3]) {
      clock.advance(1)
      await record(stored(n))
    }
    assert.equal(await order(), ['0:1', '1:1', '2:1', '3:1'])
    await names(1, 3)
    assert.equal(await order(), ['1:1', '3:1', '0:2', '2:2'], 'withdrawn, or moved')
    await names(0, 1, 2, 3)
    assert.equal(await order(), ['0:1', '1:1', '2:1', '3:1'], 'it is there again')
    await record(stored(1, blob(7)))
    assert.equal(await order(), ['1:0', '0:1', '2:1', '3:1', '7:1'], 'the reference has new bytes')
    const fetchedAt = clock.now()
    await record({ type: 'MetadataMissing', data: { document: tags, status: 404, fetchedAt } })
    assert.equal(await order(), ['1:0', '0:2', '2:2', '3:2', '7:2'], 'the package is gone')
    const confirmed = { document: tags, sha256: blob(0), fetchedAt }
    await record({ type: 'MetadataConfirmed', data: confirmed })
    assert.equal(await order(), ['1:0', '0:1', '2:1', '3:1', '7:1'])
    await names(1)
    await record(evicted(0), stored(0))
    assert.equal(await order(), ['1:0', '7:1', '2:2', '3:2', '0:2'], 'it comes back as it was')
  })

  test('keeps what a frozen package has longest, until it is unfrozen', async (world) => {
    const { record, names, stored, order, empty, evicted } = world
    await empty()
    await record(stored(0), stored(1))
    await names(1)
    const written = { packageName, actor: 'admin', requestId: 'a-request-of-a-test' }
    await record({ type: 'PackageFrozen', data: written })
    assert.equal(await order(), ['0:3', '1:3'])
    await record(evicted(0), stored(0), stored(2))
    await names(2)
    assert.equal(await order(), ['1:3', '0:3', '2:3'], 'whatever upstream names now')
    await record({ type: 'PackageUnfrozen', data: written })
    assert.equal(await order(), ['2:1', '1:2', '0:2'])
  })

  test('of 100,000 blobs the first to go are found by an index', async ({ db, empty }) => {
    await empty()
    await sql`
      insert into blob_use
      select encode(sha256(n::text::bytea), 'hex'), 1, n % 3, now(), now() - n * interval '1 s', 0, 0
      from generate_series(1, 100000) n`.execute(db)
    await sql`analyze blob_use`.execute(db)
    const { rows } = await sql<{ 'QUERY PLAN': string }>`
      explain select sha256, size_bytes, worth from blob_use
      order by worth, last_used_at, sha256 limit 100`.execute(db)
    assert.match(JSON.stringify(rows), 'blob_use_order')
    assert.is((await readLeastUsed(db, 100)).length, 100)
  })
})
