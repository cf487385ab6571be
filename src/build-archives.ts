import type pg from 'pg'
import type { Logger } from 'pino'
import { readArchive, readLastArchive } from '../projections/archive.ts'
import {
  countPurgedBlobs,
  readCacheSize,
  readPurged,
  readUnlisted,
  readVanished,
  readCacheTotal,
  readLeastUsed,
} from '../projections/blob-use-queries.ts'
import { countPurged } from '../projections/document-queries.ts'
import { readUnnamedBlobs } from '../projections/private-package.ts'
import {
  readReference,
  readReferenceBySha1,
  readUnnamedCommit,
} from '../projections/package-reference.ts'
import { type Accesses, createAccesses } from './archives/accesses.ts'
import type { Admit } from './archives/admit.ts'
import { type ArchiveRequest, keyOf } from './archives/archive.ts'
import type { BlobStore } from './archives/blobs.ts'
import type { ArchiveFact } from './archives/fetch.ts'
import { type OpenForClients, openingForClients } from './archives/for-clients.ts'
import { createLargeObjectStore } from './archives/large-objects.ts'
import { askedOnce } from './archives/asked-once.ts'
import { createMemoryTier } from './archives/memory-tier.ts'
import { createRevalidate } from './archives/revalidate.ts'
import { type Cache, createCache } from './archives/evict.ts'
import { createOpenArchive, type OpenArchive } from './archives/read-through.ts'
import { createRefusals, type Refusals } from './archives/refusals.ts'
import { createScrub } from './archives/scrub.ts'
import { hasRoomIn, stagingIn } from './archives/staging.ts'
import { buildBlobReads } from './build-blob-reads.ts'
import { refreshingReferences } from './build-overlay.ts'
import type { Config } from './config.ts'
import type { Db } from './database/schema.ts'
import type { EventLog } from './events/log.ts'
import { newEvent } from './events/new-event.ts'
import { archiveStream } from './events/types.ts'
import { startAccessesJob } from './jobs/accesses.ts'
import { startCleanupJob } from './jobs/cleanup.ts'
import type { RunningJob, startJob } from './jobs/every.ts'
import { startScrubJob } from './jobs/scrub.ts'
import type { CurrentDocument } from './metadata/current.ts'
import { createUnnamedCommits } from './archives/unnamed-commits.ts'
import type { KeptAnswers } from './projector/kept-answers.ts'
import { type Projector, waitingFor } from './projector/run.ts'
import { createPurge, type Purge } from './purge.ts'
import type { Turn } from './single-flight.ts'
import type { Observer } from './telemetry/observer.ts'
import type { Instant } from './time-machine/instant.ts'
import { createAddressGuard, refusalText } from './upstream/address-guard.ts'
import { downloadArchive } from './upstream/archives.ts'
import type { Upstream } from './upstream/client.ts'
import { pastGithubsLimit } from './upstream/github.ts'
import { archiveTimeouts } from './upstream/timeouts.ts'

interface ArchivesParts {
  readonly config: Config
  readonly outside: {
    readonly dataDirectory: string
    readonly logger: Logger
    readonly now: () => Instant
    readonly random: () => number
    readonly startJob?: typeof startJob
    readonly hasRoomOnDisk?: (sizeBytes: number) => Promise<boolean>
  }
  readonly upstream: Upstream
  readonly turnFor: (name: string) => Turn
  readonly db: Db
  readonly log: EventLog
  readonly projector: Projector
  readonly kept: KeptAnswers
  readonly current: CurrentDocument
  readonly admit: Admit
  readonly pool: pg.Pool
  readonly observer: Pick<Observer, 'cacheUsed' | 'corruptionFound'>
}

interface OpenArchiveParts extends ArchivesParts {
  readonly cache: Cache
  readonly blobs: BlobStore
  readonly refusals: Refusals
}

export interface Archives {
  readonly openArchive: OpenForClients
  readonly blobs: BlobStore
  /** What is stored, not what is in memory: for those who have to know that it is. */
  readonly storedBlobs: BlobStore
  readonly purge: Purge
  readonly refusals: Pick<Refusals, 'hosts'>
  readonly startJobs: () => RunningJob
}

/** The part of the composition root that is about archives. */
export async function buildArchives(parts: ArchivesParts): Promise<Archives> {
  const { config, outside, db, log } = parts
  const { now, logger } = outside
  const accesses = createAccesses({ log, now, logger })
  const cache = buildCache(parts, accesses)
  const reads = await buildBlobReads(parts, cache)
  const storedBlobs = createLargeObjectStore(reads)
  const blobs = createMemoryTier(storedBlobs, config.archiveMemoryBytes)
  const admit = parts.kept.keeping(parts.admit, keyOf)
  const refusals = createRefusals()
  const open = buildOpenArchive({ ...parts, cache, blobs, refusals })
  return {
    refusals,
    storedBlobs,
    openArchive: openingForClients({
      ...parts,
      admit,
      open: askedOnce(open, config.distMode),
      onUse: ({ sha256, sizeBytes }) => accesses.note(sha256, sizeBytes),
      logger,
    }),
    blobs,
    purge: buildPurge(parts, cache, accesses),
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
    unnamed: async (storedBefore) => await readUnnamedBlobs(db, storedBefore),
    size: async () => await readCacheSize(db),
    flushAccesses: accesses.flush,
    log,
    until: waitingFor(projector, 'archive', 'blob_use', 'private_package'),
    now: outside.now,
    logger: outside.logger,
  })
}

function buildPurge(
  { db, log, projector, outside }: ArchivesParts,
  cache: Cache,
  { flush }: Accesses,
): Purge {
  return createPurge({
    count: async (scope) => ({
      ...(await countPurgedBlobs(db, scope)),
      documents: await countPurged(db, scope),
    }),
    evict: async (scope) => {
      await cache.purge(async (limit) => await readPurged(db, { ...scope, limit }))
    },
    flushAccesses: flush,
    log,
    until: waitingFor(projector, 'archive', 'blob_use', 'document'),
    now: outside.now,
  })
}

function buildOpenArchive(parts: OpenArchiveParts): OpenArchive {
  const { config, outside, upstream, turnFor, db, cache, blobs } = parts
  const { packagistUrl, distOrigins, upstreamTimeoutSeconds, archiveTtlSeconds, uncheckedTypes } =
    config
  const guard = createAddressGuard(packagistUrl, distOrigins)
  const timeouts = archiveTimeouts(upstreamTimeoutSeconds * 1000)
  const client = upstream.client({ guard, timeouts })
  const stagingDirectory = stagingIn(outside.dataDirectory)
  const fetching = {
    storedArchive: async (request: ArchiveRequest) => await readArchive(db, request),
    lastArchive: async (request: ArchiveRequest) => await readLastArchive(db, request),
    async knownReference(request: ArchiveRequest) {
      const { sha1 } = request
      if (sha1 === undefined) return await readReference(db, request)
      return await readReferenceBySha1(db, request, sha1)
    },
    refusalOf(url: string) {
      const refusal = guard.refusalOf(url)
      return refusal && refusalText(refusal, url)
    },
    download: parts.refusals.noting(
      async (question) =>
        await pastGithubsLimit(
          question,
          async (asked) => await downloadArchive(client, asked, outside.now()),
        ),
    ),
    blobs,
    withRoomFor: cache.withRoomFor,
    record: recordInto(parts),
    turnFor,
    hasRoomOnDisk:
      outside.hasRoomOnDisk ??
      (async (sizeBytes: number) => await hasRoomIn(stagingDirectory, sizeBytes)),
    stagingDirectory,
    uncheckedTypes,
    archiveTtlSeconds,
    now: outside.now,
    logger: outside.logger,
  }
  return createOpenArchive({
    ...fetching,
    ...createRevalidate(fetching),
    storedLately: parts.kept.keeping(fetching.storedArchive, keyOf),
    unnamedCommit: createUnnamedCommits({
      ofBranch: async (request) => await readUnnamedCommit(db, request),
      now: outside.now,
    }),
    refreshPackage: refreshingReferences(parts),
  })
}

function recordInto({ log, projector }: ArchivesParts): (fact: ArchiveFact) => Promise<void> {
  const shown = waitingFor(projector, 'archive', 'blob_use')
  return async (fact) => {
    const stream = archiveStream(fact.data.packageName)
    const result = await log.append({ stream, expected: 'any', events: [newEvent(fact)] })
    if (result.outcome === 'appended') await shown(result.events.at(-1)?.position ?? 0n)
  }
}
