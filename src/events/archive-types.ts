import { z } from 'zod'
import { PackageName } from '../composer/names.ts'
import { Instant } from '../time-machine/instant.ts'
import { RequestId } from '../request-id.ts'
import { event, Sha1, Sha256, sizeBytes, text, written } from './event-schema.ts'

/** The archive of one (package, reference). */
const archive = {
  packageName: PackageName,
  versionNormalized: text,
  /** Absent for a dist that upstream names without one. */
  reference: text.optional(),
  distType: z.string().max(20),
} as const

/** What upstream calls the state of an archive: asked with these, it can say that nothing changed. */
const validators = {
  etag: text.optional(),
  lastModified: Instant.optional(),
} as const

/** The archive of one (package, reference) was fetched, checked and kept. */
export const ArchiveStored = event('ArchiveStored', {
  ...archive,
  sha256: Sha256,
  sha1: Sha1.optional(),
  /** Metadata named that SHA-1, so lock files and pins do. */
  isNamedBySha1: z.boolean().optional(),
  sizeBytes,
  /** Of its files, however they are packed; only of zips. */
  treeSha256: Sha256.optional(),
  ...validators,
  sourceUrl: z.url().max(4000),
  fetchedAt: Instant,
})

/** Upstream was asked again for an archive, and still has it. */
export const ArchiveConfirmed = event('ArchiveConfirmed', {
  ...archive,
  /** The blob that is kept. */
  sha256: Sha256,
  /** There when upstream now packs the same files in another way. */
  upstreamSha256: Sha256.optional(),
  ...validators,
  fetchedAt: Instant,
})

/** Upstream offers other files under a reference that names a commit: not accepted, ours stay. */
export const ArchiveDiffered = event('ArchiveDiffered', {
  ...archive,
  treeSha256: Sha256,
  upstreamTreeSha256: Sha256,
  upstreamSha256: Sha256,
  sourceUrl: z.url().max(4000),
  fetchedAt: Instant,
})

/** Somebody accepted the other files that upstream offers under a reference. */
export const ArchiveAccepted = event('ArchiveAccepted', {
  ...archive,
  /** Those that were stored before, and those that may take their place. */
  treeSha256: Sha256,
  upstreamTreeSha256: Sha256,
  ...written,
})

/** Upstream no longer has an archive that was stored here once. */
export const ArchiveMissing = event('ArchiveMissing', {
  ...archive,
  status: z.int(),
  sourceUrl: z.url().max(4000),
  fetchedAt: Instant,
})

/** An access takes 176 bytes of JSON at most, so an event of them stays below 64 KiB. */
export const accessesPerEventMax = 350

/** Which blobs were served since the last such event: what their order of use is made of. */
export const ArchivesAccessed = event('ArchivesAccessed', {
  accesses: z
    .array(
      z.object({
        sha256: Sha256,
        /** The last time, by the clock of the node that served it. */
        at: Instant,
        count: z.int().positive(),
        bytes: z.int().nonnegative(),
      }),
    )
    .max(accessesPerEventMax),
})

/** Somebody asked for an archive that is of a blocked version, for the first time of its package on that day, UTC. */
export const BlockedArchiveWanted = event('BlockedArchiveWanted', {
  packageName: PackageName,
  versionNormalized: text,
  /** Such as `anonymous` or `token 0b6f3c1e-…`. */
  actor: z.string().min(1).max(100),
  /** Of that token, in somebody's words. */
  tokenName: text.optional(),
  requestId: RequestId.optional(),
})

/** A blob was removed from the cache; what named it stays, so it is fetched again when it is wanted. */
export const ArchiveEvicted = event('ArchiveEvicted', {
  sha256: Sha256,
  sizeBytes,
  reason: z.enum([
    'lru', // the cache was full
    'expired',
    'purge', // somebody asked for it
    'corrupt',
  ]),
})
