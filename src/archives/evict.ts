import { EventEmitter, once } from 'node:events'
import type { EventLog } from '../events/log.ts'
import { newEvent } from '../events/new-event.ts'
import { cacheStream, type DomainEvent, type Position, type Sha256 } from '../events/types.ts'
import { addSeconds, type Instant } from '../time-machine/instant.ts'
import { createDeadSpace } from './dead-space.ts'
import { blobsPerTransaction, removeBlobs } from './remove.ts'
import { sweep, type SweepOptions } from './sweep.ts'

export interface ListedBlob {
  readonly sha256: Sha256
  readonly size_bytes: bigint
  readonly last_used_at: Instant
}

export type PurgedBlob = Pick<ListedBlob, 'sha256' | 'size_bytes'>

export interface CacheOptions extends SweepOptions {
  readonly maxSizeBytes: number
  readonly archiveTtlSeconds: number
  /** Of what the read models list. */
  readonly totalBytes: () => Promise<bigint>
  /** The first blobs to do without, of what the read models list. */
  readonly leastUsed: (limit: number) => Promise<readonly ListedBlob[]>
  /** What the read models list and isn't there. */
  readonly vanished: (limit: number) => Promise<readonly ListedBlob[]>
  /** How large all is, for the log. */
  readonly size: () => Promise<object>
  /** Appends what is known here only of the order of use. */
  readonly flushAccesses: () => Promise<void>
  readonly log: EventLog
  readonly until: (position: Position) => Promise<void>
}

export type Eviction = Extract<DomainEvent, { readonly type: 'ArchiveEvicted' }>['data']

/** Keeps the cache within its size: exactly on one node; n nodes may pass it by n - 1 archives. */
export interface Cache {
  /**
   * Evicts until there is room for so many bytes, and keeps that room while `store` runs.
   *
   * Returns false, and doesn't run it, when the cache could never hold them.
   */
  readonly withRoomFor: (sizeBytes: number, store: () => Promise<void>) => Promise<boolean>
  /**
   * Evicts what `next` gives until it gives none, which is so once the read models know.
   *
   * @param next gives at most so many.
   */
  readonly purge: (next: (limit: number) => Promise<readonly PurgedBlob[]>) => Promise<void>
  /** Has what was removed from the store removed from the read models, too. */
  readonly tell: (evictions: readonly Eviction[]) => Promise<void>
  /** What crashes and other nodes left: see the cleanup job. */
  readonly tidy: () => Promise<void>
}

/** Unlinking takes a row for each 2 KiB: of more than this it could take longer than a statement may. */
const bytesPerTransaction = 512n * 1024n * 1024n
/** Dead rows of a tenth of the cache are made reusable at once, not at the next regular time. */
const vacuumFraction = 10n

export function createCache(options: CacheOptions): Cache {
  const { log, until, size, logger } = options
  const maxSizeBytes = BigInt(options.maxSizeBytes)
  const deadSpace = createDeadSpace(options.db, logger)
  const releases = new EventEmitter()
  let reservedBytes = 0n
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
    deadSpace.add(await evict(options, excessBytes))
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
      void deadSpace.reuse(maxSizeBytes / vacuumFraction)
      return true
    },
    async purge(next) {
      deadSpace.add(await purge(options, next))
      await deadSpace.reuse(0n)
    },
    tell: async (evictions) => await tell(options, evictions),
    async tidy() {
      await until(await log.head())
      await tellVanished(options)
      deadSpace.add(await sweep(options))
      await inTurn(evictExcess)
      await deadSpace.reuse(0n)
      logger.info(await size(), 'the cache is tidied up')
    },
  }
}

/** Evicts until the excess, which it asks for again and again, is none. Returns how many bytes. */
async function evict(options: CacheOptions, excess: () => Promise<bigint>): Promise<bigint> {
  const { db, leastUsed, flushAccesses, log, until, now, logger } = options
  let evictedBytes = 0n
  if ((await excess()) <= 0n) return evictedBytes
  await flushAccesses()
  await until(await log.head())
  for (;;) {
    const excessBytes = await excess()
    if (excessBytes <= 0n) return evictedBytes
    const bytes = excessBytes < bytesPerTransaction ? excessBytes : bytesPerTransaction
    const blobs = firstOf(await leastUsed(blobsPerTransaction), bytes)
    if (blobs.length === 0) return evictedBytes
    const names = blobs.map(({ sha256 }) => sha256)
    evictedBytes += await removeBlobs(db, { names, now, logger })
    await tell(options, evictionsOf(blobs, options))
    logger.info({ blobs: blobs.length }, 'the cache is full: archives were evicted')
  }
}

async function purge(
  options: CacheOptions,
  next: (limit: number) => Promise<readonly PurgedBlob[]>,
): Promise<bigint> {
  const { db, now, logger } = options
  let purgedBytes = 0n
  for (;;) {
    const blobs = firstOf(await next(blobsPerTransaction), bytesPerTransaction)
    if (blobs.length === 0) return purgedBytes
    const names = blobs.map(({ sha256 }) => sha256)
    purgedBytes += await removeBlobs(db, { names, now, logger })
    const evictions = blobs.map(({ sha256, size_bytes }) => {
      return { sha256, sizeBytes: Number(size_bytes), reason: 'purge' as const }
    })
    await tell(options, evictions)
  }
}

/** Of blobs of one worth the least recently used go first, so the expired go before those in use. */
function evictionsOf(
  blobs: readonly ListedBlob[],
  { now, archiveTtlSeconds }: CacheOptions,
): readonly Eviction[] {
  const expiredBefore = addSeconds(now(), -archiveTtlSeconds)
  return blobs.map(({ sha256, size_bytes, last_used_at }) => ({
    sha256,
    sizeBytes: Number(size_bytes),
    reason: last_used_at < expiredBefore ? 'expired' : 'lru',
  }))
}

// The event comes after the fact. After a crash in between, the read models list what isn't there,
// and the next tidying tells it; told twice, it takes effect once.
async function tell(options: CacheOptions, evictions: readonly Eviction[]): Promise<void> {
  if (evictions.length === 0) return
  const { db, log, until, unlisted, now, logger } = options
  const events = evictions.map((data) => newEvent({ type: 'ArchiveEvicted', data }))
  const result = await log.append({ stream: cacheStream, expected: 'any', events })
  if (result.outcome === 'appended') await until(result.events.at(-1)?.position ?? 0n)
  // One that was stored again, and named, before this was told is listed no more: so it has to go again.
  // When it will be named only now, it is listed and isn't there, which the next tidying tells.
  const removed = evictions.map(({ sha256 }) => sha256)
  const names = await unlisted({ names: removed, limit: removed.length })
  await removeBlobs(db, { names, now, logger })
}

async function tellVanished(options: CacheOptions): Promise<void> {
  for (;;) {
    const blobs = await options.vanished(blobsPerTransaction)
    await tell(options, evictionsOf(blobs, options))
    if (blobs.length < blobsPerTransaction) return
  }
}

/** The first of them that make up so many bytes, or all. */
function firstOf<Blob extends PurgedBlob>(blobs: readonly Blob[], bytes: bigint): readonly Blob[] {
  let sum = 0n
  const end = blobs.findIndex(({ size_bytes }) => (sum += size_bytes) >= bytes)
  return end === -1 ? blobs : blobs.slice(0, end + 1)
}
