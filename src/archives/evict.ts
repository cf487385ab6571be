import { EventEmitter, once } from 'node:events'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import type { Db } from '../database/schema.ts'
import type { EventLog } from '../events/log.ts'
import { newEvent } from '../events/new-event.ts'
import { cacheStream, type Position, type Sha256 } from '../events/types.ts'

export interface ListedBlob {
  readonly sha256: Sha256
  readonly size_bytes: bigint
}

export interface CacheOptions {
  readonly db: Db
  readonly maxSizeBytes: number
  /** Of what the read models list. */
  readonly totalBytes: () => Promise<bigint>
  /** The first blobs to do without, of what the read models list. */
  readonly leastUsed: (limit: number) => Promise<readonly ListedBlob[]>
  /** What the read models list and isn't there. */
  readonly vanished: (limit: number) => Promise<readonly ListedBlob[]>
  /** Appends what is known here only of the order of use. */
  readonly flushAccesses: () => Promise<void>
  readonly log: EventLog
  readonly until: (position: Position) => Promise<void>
  readonly logger: Logger
}

/** Keeps the cache within its size: exactly on one node; n nodes may pass it by n - 1 archives. */
export interface Cache {
  /**
   * Evicts until there is room for so many bytes, and keeps that room while `store` runs.
   *
   * Returns false, and doesn't run it, when the cache could never hold them.
   */
  readonly withRoomFor: (sizeBytes: number, store: () => Promise<void>) => Promise<boolean>
  /** What crashes and other nodes left: see the cleanup job. */
  readonly tidy: () => Promise<void>
}

/** Each large object takes a lock until the end of its transaction: 12,000 were too many, 500 fit. */
const blobsPerTransaction = 500
/** Dead rows of a tenth of the cache are made reusable at once, not at the next regular time. */
const vacuumFraction = 10n

export function createCache(options: CacheOptions): Cache {
  const maxSizeBytes = BigInt(options.maxSizeBytes)
  const releases = new EventEmitter()
  let reservedBytes = 0n
  let deadBytes = 0n
  let turn: Promise<unknown> = Promise.resolve()

  /** One after the other: two at once would both evict for the same room. */
  async function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const mine = turn.then(work)
    turn = mine.catch(() => undefined)
    return await mine
  }
  async function excessBytes(): Promise<bigint> {
    return (await options.totalBytes()) + reservedBytes - maxSizeBytes
  }
  async function evictExcess(): Promise<void> {
    deadBytes += await evict(options, excessBytes)
  }
  /** What is being stored can't be evicted yet: when that fills the cache, its end is waited for. */
  async function reserve(bytes: bigint): Promise<void> {
    const fits = () => reservedBytes + bytes <= maxSizeBytes
    while (!fits()) await once(releases, 'release')
    reservedBytes += bytes
    try {
      await evictExcess()
    } catch (error) {
      reservedBytes -= bytes
      throw error
    }
  }
  async function vacuum(): Promise<void> {
    deadBytes = 0n
    await makeReusable(options)
  }

  return {
    async withRoomFor(sizeBytes, store) {
      const bytes = BigInt(sizeBytes)
      if (bytes > maxSizeBytes) return false
      await inTurn(async () => await reserve(bytes))
      try {
        await store()
      } finally {
        reservedBytes -= bytes
        releases.emit('release')
      }
      if (deadBytes * vacuumFraction > maxSizeBytes) void vacuum()
      return true
    },
    async tidy() {
      await inTurn(async () => {
        await tellVanished(options)
        await evictExcess()
      })
      if (deadBytes > 0n) await vacuum()
    },
  }
}

/** Evicts until the excess, which it asks for again and again, is none. Returns how many bytes. */
async function evict(options: CacheOptions, excess: () => Promise<bigint>): Promise<bigint> {
  const { db, leastUsed, flushAccesses, log, until, logger } = options
  let evictedBytes = 0n
  if ((await excess()) <= 0n) return evictedBytes
  await flushAccesses()
  await until(await log.head())
  for (;;) {
    const excessBytes = await excess()
    if (excessBytes <= 0n) return evictedBytes
    const blobs = firstOf(await leastUsed(blobsPerTransaction), excessBytes)
    if (blobs.length === 0) return evictedBytes
    await removeBlobs(db, blobs)
    await tell(options, blobs)
    for (const { size_bytes } of blobs) evictedBytes += size_bytes
    logger.info({ blobs: blobs.length }, 'the cache is full: archives were evicted')
  }
}

// The event comes after the fact. After a crash in between, the read models list what isn't there,
// and the next tidying tells it; told twice, it takes effect once.
async function tell({ log, until }: CacheOptions, blobs: readonly ListedBlob[]): Promise<void> {
  if (blobs.length === 0) return
  const events = blobs.map(({ sha256, size_bytes }) => {
    const data = { sha256, sizeBytes: Number(size_bytes), reason: 'lru' } as const
    return newEvent({ type: 'ArchiveEvicted', data })
  })
  const result = await log.append({ stream: cacheStream, expected: 'any', events })
  if (result.outcome === 'appended') await until(result.events.at(-1)?.position ?? 0n)
}

async function tellVanished(options: CacheOptions): Promise<void> {
  for (;;) {
    const blobs = await options.vanished(blobsPerTransaction)
    await tell(options, blobs)
    if (blobs.length < blobsPerTransaction) return
  }
}

/**
 * Makes the space of evicted blobs reusable. Where the role mayn't, PostgreSQL skips it and its own
 * autovacuum has to do. One that fails is made up for by the next.
 */
async function makeReusable({ db, logger }: CacheOptions): Promise<void> {
  try {
    await sql`vacuum pg_largeobject`.execute(db)
  } catch (error) {
    logger.warn({ err: error }, 'the space of evicted archives is not reusable yet')
  }
}

/** The first of them that make up so many bytes, or all. */
function firstOf(blobs: readonly ListedBlob[], bytes: bigint): readonly ListedBlob[] {
  let sum = 0n
  const end = blobs.findIndex(({ size_bytes }) => (sum += size_bytes) >= bytes)
  return end === -1 ? blobs : blobs.slice(0, end + 1)
}

/** Row and object go together. Locked in one order, so that nodes that evict the same don't deadlock. */
async function removeBlobs(db: Db, blobs: readonly ListedBlob[]): Promise<void> {
  const names = blobs.map(({ sha256 }) => sha256)
  await db.transaction().execute(async (tx) => {
    await sql`
      select from blob where sha256 = any (${names}) order by sha256 for update`.execute(tx)
    await sql`
      with removed as (delete from blob where sha256 = any (${names}) returning oid)
      select count(lo_unlink(oid)) from removed`.execute(tx)
  })
}
