import { sourcesOf } from './sources.ts'
import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { blobUse } from '../../projections/blob-use.ts'
import {
  readCacheSize,
  readUnlisted,
  readVanished,
  readCacheTotal,
  readLeastUsed,
} from '../../projections/blob-use-queries.ts'
import { privatePackage, readUnnamedBlobs } from '../../projections/private-package.ts'
import type { BlobStore } from '../../src/archives/blobs.ts'
import { type Cache, type CacheOptions, createCache } from '../../src/archives/evict.ts'
import { PackageName } from '../../src/composer/names.ts'
import { openDatabase } from '../../src/database/client.ts'
import type { Db } from '../../src/database/schema.ts'
import type { EventLog } from '../../src/events/log.ts'
import { newEvent } from '../../src/events/new-event.ts'
import { createPostgresLog } from '../../src/events/postgres.ts'
import { archiveStream, cacheStream, type Sha256 } from '../../src/events/types.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { startProjector } from '../../src/projector/run.ts'
import { checkObjects, openBlobs } from './blobs.ts'
import type { TestClock } from './clock.ts'
import { createTestDatabase } from './postgres.ts'

const packageName = PackageName.parse('acme/log')

/** The blob store, its read model and the log of one node, without anything that asks for archives. */
export interface TestCache {
  readonly db: Db
  readonly clock: TestClock
  readonly blobs: BlobStore
  readonly log: EventLog
  /** Lines of the log from `info` on. */
  readonly lines: string[]
  readonly openCache: (options: CacheLimits) => Cache
  /** Appends that this body is the archive of a reference. */
  readonly name: (body: Buffer) => Promise<void>
  readonly use: (sha256: Sha256) => Promise<void>
  /** What is there is listed, what is listed is there, with its object, and the total is theirs. */
  readonly check: () => Promise<void>
  close(): Promise<void>
}

/** The last two instead of the real ones. */
type CacheLimits = Pick<CacheOptions, 'maxSizeBytes'> &
  Partial<Pick<CacheOptions, 'archiveTtlSeconds' | 'log' | 'until'>>

export async function openTestCache(): Promise<TestCache> {
  const database = await createTestDatabase()
  const lines: string[] = []
  const logger = pino({ level: 'info' }, { write: (line) => void lines.push(line) })
  const schemas = [blobUse, privatePackage].map(schemaOf)
  const opened = openDatabase({ connectionString: database.url, logger, schemas })
  const { db } = opened
  const { blobs, clock } = await openBlobs(opened)
  const log = createPostgresLog({ db, now: clock.now })
  const sources = sourcesOf()
  const projector = await startProjector({
    db,
    log,
    projections: [blobUse, privatePackage],
    sources,
    logger,
  })

  async function append(event: Parameters<typeof newEvent>[0], stream: string): Promise<void> {
    await log.append({ stream, expected: 'any', events: [newEvent(event)] })
    await projector.waitFor(await log.head())
  }
  return {
    db,
    clock,
    blobs,
    log,
    lines,
    openCache: (limits) =>
      createCache({
        db,
        archiveTtlSeconds: 86_400,
        totalBytes: async () => (await readCacheTotal(db)).size_bytes,
        leastUsed: async (limit) => await readLeastUsed(db, limit),
        vanished: async (limit) => await readVanished(db, limit),
        unlisted: async (filter) => await readUnlisted(db, filter),
        unnamed: async (storedBefore) => await readUnnamedBlobs(db, storedBefore),
        size: async () => await readCacheSize(db),
        flushAccesses: async () => undefined,
        log,
        until: projector.waitFor,
        now: clock.now,
        logger,
        ...limits,
      }),
    async name(body) {
      const data = {
        packageName,
        versionNormalized: '1.0.0.0',
        reference: randomBytes(20).toString('hex'),
        distType: 'zip',
        sha256: sha256Of(body),
        sizeBytes: body.length,
        sourceUrl: 'https://example.org/a.zip',
        fetchedAt: clock.now(),
      }
      await append({ type: 'ArchiveStored', data }, archiveStream(packageName))
    },
    async use(sha256) {
      const accesses = [{ sha256, at: clock.now(), count: 1, bytes: 1 }]
      await append({ type: 'ArchivesAccessed', data: { accesses } }, cacheStream)
    },
    async check() {
      await projector.waitFor(await log.head())
      await checkListed(db)
    },
    async close() {
      await projector.stop()
      await db.destroy()
      await database.close()
    },
  }
}

/** The blobs that are there are those that are listed, each has its object, and the total is theirs. */
export async function checkListed(db: Db): Promise<void> {
  const { rows } = await sql`
    select sha256, blob.size_bytes as there, blob_use.size_bytes as listed
    from blob full join blob_use using (sha256)
    where blob.size_bytes is distinct from blob_use.size_bytes`.execute(db)
  assert.equal(rows, [])
  const { rows: totals } = await sql<{ right: boolean }>`
    select (blobs, size_bytes) = (select count(*), coalesce(sum(size_bytes), 0) from blob) as right
    from blob_use_total`.execute(db)
  assert.equal(totals, [{ right: true }])
  await checkObjects(db)
}
