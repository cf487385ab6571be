import type { Logger } from 'pino'
import { readArchive } from '../projections/archive.ts'
import { readCacheTotal, readLeastUsed, readVanished } from '../projections/blob-use.ts'
import { readReference } from '../projections/package-reference.ts'
import { type Accesses, createAccesses } from './archives/accesses.ts'
import type { ArchiveRequest } from './archives/archive.ts'
import type { Blob, BlobStore } from './archives/blobs.ts'
import type { ArchiveFact } from './archives/fetch.ts'
import { createRevalidate } from './archives/revalidate.ts'
import { type Cache, createCache } from './archives/evict.ts'
import { createOpenArchive, type OpenArchive } from './archives/read-through.ts'
import { hasRoomIn, stagingIn } from './archives/staging.ts'
import { documentName } from './composer/names.ts'
import type { Config } from './config.ts'
import type { Db } from './database/schema.ts'
import { AppError } from './errors.ts'
import type { EventLog } from './events/log.ts'
import { newEvent } from './events/new-event.ts'
import { archiveStream } from './events/types.ts'
import { startAccessesJob } from './jobs/accesses.ts'
import { startCleanupJob } from './jobs/cleanup.ts'
import type { RunningJob, startJob } from './jobs/every.ts'
import type { CurrentDocument } from './metadata/current.ts'
import type { Projector } from './projector/run.ts'
import type { Turn } from './single-flight.ts'
import { observed, type Observer } from './telemetry/observer.ts'
import type { Instant } from './time-machine/instant.ts'
import { createAddressGuard } from './upstream/address-guard.ts'
import { type ArchiveQuestion, downloadArchive } from './upstream/archives.ts'
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
    readonly hasRoomOnDisk?: () => Promise<boolean>
  }
  readonly upstream: Upstream
  readonly turnFor: (name: string) => Turn
  readonly db: Db
  readonly log: EventLog
  readonly projector: Projector
  readonly current: CurrentDocument
  readonly blobs: BlobStore
  readonly observer: Pick<Observer, 'cacheUsed'>
}

export interface Archives {
  readonly openArchive: OpenArchive
  readonly startJobs: () => RunningJob
}

/** The part of the composition root that is about archives. */
export function buildArchives(parts: ArchivesParts): Archives {
  const { config, outside, db, log } = parts
  const { now, logger } = outside
  const accesses = createAccesses({ log, now, logger })
  const cache = buildCache(parts, accesses)
  const openArchive = buildOpenArchive(parts, cache)
  const note = ({ sha256, sizeBytes }: Blob) => accesses.note(sha256, sizeBytes)
  return {
    async openArchive(request) {
      const { packageName } = request
      const asked = { kind: 'archives', packageName } as const
      const archive = await observed(parts.observer, asked, async (noteResult) => {
        return await openArchive(request, noteResult)
      })
      if ('sha256' in archive) note(archive)
      // What isn't kept, or broke off, was not used.
      else archive.whole?.then(note, () => undefined)
      return archive
    },
    startJobs() {
      const intervalSeconds = config.cleanupIntervalSeconds
      const cleanup = startCleanupJob(cache, { ...outside, db, intervalSeconds })
      const noting = startAccessesJob(accesses, outside)
      return {
        async stop() {
          await cleanup.stop()
          await noting.stop()
        },
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
    totalBytes: async () => (await readCacheTotal(db)).size_bytes,
    leastUsed: async (limit) => await readLeastUsed(db, limit),
    vanished: async (limit) => await readVanished(db, limit),
    flushAccesses: accesses.flush,
    log,
    until: projector.until,
    logger: outside.logger,
  })
}

function buildOpenArchive(parts: ArchivesParts, cache: Cache): OpenArchive {
  const { config, outside, upstream, turnFor, db, current, blobs } = parts
  const { packagistUrl, distHosts, upstreamTimeoutSeconds, archiveTtlSeconds } = config
  const guard = createAddressGuard(packagistUrl, distHosts)
  const timeouts = archiveTimeouts(upstreamTimeoutSeconds * 1000)
  const client = upstream.client({ guard, timeouts })
  const stagingDirectory = stagingIn(outside.dataDirectory)
  const fetching = {
    storedArchive: async (request: ArchiveRequest) => await readArchive(db, request),
    knownReference: async (request: ArchiveRequest) => await readReference(db, request),
    isAllowed: guard.isAllowed,
    download: async (question: ArchiveQuestion) => await downloadArchive(client, question),
    blobs,
    withRoomFor: cache.withRoomFor,
    record: recordInto(parts),
    turnFor,
    stagingDirectory,
    archiveTtlSeconds,
    now: outside.now,
    logger: outside.logger,
  }
  return createOpenArchive({
    ...fetching,
    ...createRevalidate(fetching),
    hasRoomOnDisk: outside.hasRoomOnDisk ?? (async () => await hasRoomIn(stagingDirectory)),
    async refreshPackage(packageName) {
      for (const kind of ['tags', 'branches'] as const) {
        await current(documentName(packageName, kind)).catch(unlessNotFound)
      }
    },
  })
}

function recordInto({ log, projector }: ArchivesParts): (fact: ArchiveFact) => Promise<void> {
  return async (fact) => {
    const stream = archiveStream(fact.data.packageName)
    const result = await log.append({ stream, expected: 'any', events: [newEvent(fact)] })
    if (result.outcome === 'appended') await projector.until(result.events.at(-1)?.position ?? 0n)
  }
}

/** A package may have tags and no document of branches, or the other way round. */
function unlessNotFound(error: unknown): void {
  if (!(error instanceof AppError && error.code === 'package_not_found')) throw error
}
