import type pg from 'pg'
import type { Logger } from 'pino'
import { readArchive } from '../projections/archive.ts'
import { readCacheSize, readUnlisted } from '../projections/blob-use-queries.ts'
import { readCacheTotal, readLeastUsed, readVanished } from '../projections/blob-use.ts'
import { readReference } from '../projections/package-reference.ts'
import { type Accesses, createAccesses } from './archives/accesses.ts'
import type { BlobStore } from './archives/blobs.ts'
import { type Cache, createCache } from './archives/evict.ts'
import { createLargeObjectStore } from './archives/large-objects.ts'
import { createMemoryTier } from './archives/memory-tier.ts'
import type { CorruptBlob, ObjectReads } from './archives/object-reads.ts'
import { createOpenArchive, type OpenArchive } from './archives/read-through.ts'
import { reopening } from './archives/reopen.ts'
import { createScrub } from './archives/scrub.ts'
import { stagingIn } from './archives/staging.ts'
import { documentName } from './composer/names.ts'
import type { Config } from './config.ts'
import { openByteReader } from './database/byte-reader.ts'
import type { Db } from './database/schema.ts'
import { AppError } from './errors.ts'
import type { EventLog } from './events/log.ts'
import { startAccessesJob } from './jobs/accesses.ts'
import { startCleanupJob } from './jobs/cleanup.ts'
import type { RunningJob, startJob } from './jobs/every.ts'
import { startScrubJob } from './jobs/scrub.ts'
import type { CurrentDocument } from './metadata/current.ts'
import type { Projector } from './projector/run.ts'
import type { Turn } from './single-flight.ts'
import type { Instant } from './time-machine/instant.ts'
import { createAddressGuard } from './upstream/address-guard.ts'
import { downloadArchive } from './upstream/archives.ts'
import type { Upstream } from './upstream/client.ts'
import { archiveTimeouts } from './upstream/timeouts.ts'

interface ArchivesParts {
  readonly config: Config
  readonly outside: {
    readonly dataDirectory: string
    readonly logger: Logger
    readonly now: () => Instant
    readonly random: () => number
    readonly startJob?: typeof startJob
  }
  readonly upstream: Upstream
  readonly turnFor: (name: string) => Turn
  readonly db: Db
  readonly log: EventLog
  readonly projector: Projector
  readonly current: CurrentDocument
  readonly pool: pg.Pool
}

interface OpenArchiveParts extends ArchivesParts {
  readonly cache: Cache
  readonly blobs: BlobStore
}

export interface Archives {
  readonly openArchive: OpenArchive
  readonly startJobs: () => RunningJob
}

/** The part of the composition root that is about archives. */
export async function buildArchives(parts: ArchivesParts): Promise<Archives> {
  const { config, outside, db, log } = parts
  const { now, logger } = outside
  const accesses = createAccesses({ log, now, logger })
  const cache = buildCache(parts, accesses)
  const reads = await buildReads(parts, cache)
  const blobs = createMemoryTier(createLargeObjectStore(reads), config.archiveMemoryBytes)
  const openArchive = reopening(buildOpenArchive({ ...parts, cache, blobs }), logger)
  return {
    async openArchive(request) {
      const blob = await openArchive(request)
      accesses.note(blob.sha256, blob.sizeBytes)
      return blob
    },
    startJobs() {
      const { cleanupIntervalSeconds, scrubIntervalSeconds } = config
      const shared = { ...outside, db }
      const jobs = [
        startCleanupJob(cache, { ...shared, intervalSeconds: cleanupIntervalSeconds }),
        startAccessesJob(accesses, outside),
      ]
      if (scrubIntervalSeconds > 0) {
        const scrub = createScrub({ ...reads, intervalSeconds: scrubIntervalSeconds, logger })
        jobs.push(startScrubJob(scrub, shared))
      }
      return {
        stop: async () => void (await Promise.all(jobs.map(async (job) => await job.stop()))),
      }
    },
  }
}

function buildCache(
  { config, outside, db, log, projector }: ArchivesParts,
  accesses: Accesses,
): Cache {
  return createCache({
    db,
    maxSizeBytes: config.maxCacheSizeBytes,
    archiveTtlSeconds: config.archiveTtlSeconds,
    totalBytes: async () => (await readCacheTotal(db)).size_bytes,
    leastUsed: async (limit) => await readLeastUsed(db, limit),
    vanished: async (limit) => await readVanished(db, limit),
    unlisted: async (filter) => await readUnlisted(db, filter),
    size: async () => await readCacheSize(db),
    flushAccesses: accesses.flush,
    log,
    until: projector.until,
    now: outside.now,
    logger: outside.logger,
  })
}

async function buildReads(
  { outside, db, pool }: ArchivesParts,
  cache: Cache,
): Promise<ObjectReads> {
  const { now, logger } = outside
  async function onCorrupt(blob: CorruptBlob): Promise<void> {
    logger.error({ alert: 'archive_corrupt', ...blob }, 'a stored archive is damaged')
    const { sha256, sizeBytes } = blob
    // What can't be told now is told by the next cleanup, as it would be after a crash.
    await cache.tell([{ sha256, sizeBytes, reason: 'corrupt' }]).catch((error: unknown) => {
      logger.warn({ err: error, sha256 }, 'that an archive is damaged is not recorded yet')
    })
  }
  return { db, readBytes: await openByteReader(pool, logger), now, onCorrupt }
}

function buildOpenArchive(parts: OpenArchiveParts): OpenArchive {
  const { config, outside, upstream, turnFor, db, log, projector, current, cache, blobs } = parts
  const { packagistUrl, distHosts, upstreamTimeoutSeconds } = config
  const guard = createAddressGuard(packagistUrl, distHosts)
  const timeouts = archiveTimeouts(upstreamTimeoutSeconds * 1000)
  const client = upstream.client({ guard, timeouts })
  return createOpenArchive({
    storedArchive: async (request) => await readArchive(db, request),
    knownReference: async (request) => await readReference(db, request),
    async refreshPackage(packageName) {
      for (const kind of ['tags', 'branches'] as const) {
        await current(documentName(packageName, kind)).catch(unlessNotFound)
      }
    },
    isAllowed: guard.isAllowed,
    download: async (url, file) => await downloadArchive(client, { url, path: file }),
    blobs,
    withRoomFor: cache.withRoomFor,
    log,
    until: projector.until,
    turnFor,
    stagingDirectory: stagingIn(outside.dataDirectory),
    now: outside.now,
    logger: outside.logger,
  })
}

/** A package may have tags and no document of branches, or the other way round. */
function unlessNotFound(error: unknown): void {
  if (!(error instanceof AppError && error.code === 'package_not_found')) throw error
}
