import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import type { Logger } from 'pino'
import { AppError, type AppErrorOptions } from '../errors.ts'
import { Sha1 } from '../events/event-schema.ts'
import type { DomainEvent } from '../events/types.ts'
import type { Instant } from '../time-machine/instant.ts'
import type { ArchiveDownload, ArchiveQuestion, ByteSink } from '../upstream/archives.ts'
import { type Why, wordsFor } from '../upstream/causes.ts'
import type { ArchiveRequest, Arriving, KnownReference, StoredArchive } from './archive.ts'
import type { Blob, BlobStore } from './blobs.ts'
import { bring, type Brought, type Checked, differs, sinkInto } from './bring.ts'
import type { SealedType } from './dist-types.ts'
import { heldBackBytesOf, openSpool } from './spool.ts'
import { NoRoomOnDisk } from './staging.ts'

export interface FetchOptions {
  /** What is stored and is what metadata says now. */
  readonly storedArchive: (request: ArchiveRequest) => Promise<StoredArchive | undefined>
  /** What was stored last, whatever metadata says now. */
  readonly lastArchive: (request: ArchiveRequest) => Promise<StoredArchive | undefined>
  readonly download: (question: ArchiveQuestion) => Promise<ArchiveDownload>
  readonly blobs: BlobStore
  /** Runs `store` once the cache has room for so many bytes; false, and it isn't run: it never will. */
  readonly withRoomFor: (sizeBytes: number, store: () => Promise<void>) => Promise<boolean>
  /** Whether the disk has room for a download of so many bytes. */
  readonly hasRoomOnDisk: (sizeBytes: number) => Promise<boolean>
  /** Appends a fact about an archive, and resolves once it can be read. */
  readonly record: (event: ArchiveFact) => Promise<void>
  /** What is passed on without being looked through. */
  readonly uncheckedTypes: readonly SealedType[]
  /** Downloads are kept here until they are checked; see staging.ts. */
  readonly stagingDirectory: string
  readonly now: () => Instant
  readonly logger: Logger
}

export type ArchiveFact = Extract<
  DomainEvent,
  { readonly type: 'ArchiveStored' | 'ArchiveConfirmed' | 'ArchiveDiffered' | 'ArchiveMissing' }
>

export interface Fetch {
  readonly request: ArchiveRequest
  readonly known: KnownReference
  /** Is called when the first bytes are there, unless the archive is so small that they are the last. */
  readonly onArriving: (arriving: Omit<Arriving, 'whole'>) => void
}

/**
 * An archive from upstream: checked, and kept if it can be.
 *
 * @throws AppError, see OpenArchive.
 */
export async function fetchArchive(
  { request, known, onArriving }: Fetch,
  options: FetchOptions,
): Promise<Blob> {
  const stored = await options.lastArchive(request)
  const file = path.join(options.stagingDirectory, randomUUID())
  const { dist_type: distType } = known
  const { uncheckedTypes } = options
  const spool = await openSpool(file, heldBackBytesOf(distType))
  try {
    const sink = sinkInto(spool, { distType, uncheckedTypes }, (sizeBytes) => {
      onArriving({ sizeBytes, bytes: spool.arriving })
    })
    const into = withRoom(sink, options)
    const brought = await bring(
      { known, uncheckedTypes, validators: {}, path: file, into },
      options.download,
    )
    if (brought.outcome === 'missing' && stored !== undefined && !stored.missing) {
      await options.record(missingFact(request, { known, ...brought }, options))
    }
    if (brought.outcome !== 'good') throw failureOf(brought, known, options)
    const { archive } = brought
    if (differs(known, stored, archive)) {
      // Composer asks again and again for what it doesn't get.
      if (stored?.differed_sha256 !== archive.sha256) {
        await tellDiffering({ request, known, stored, archive }, options)
      }
      const problem = 'it has other files than the one that was stored under this reference'
      throw failureOf({ outcome: 'refused', problem }, known, options)
    }
    // Whoever has all of it finds it stored: the end is held back for as long as that takes.
    await keep({ request, known, file, archive }, options)
    return spool.finish(archive)
  } finally {
    // Closed last, so that whoever hears of a failure by it finds no download under way when asking again.
    await rm(file, { force: true }).finally(spool.close)
  }
}

/** What has no room is refused before a byte of it is written. */
export function withRoom(
  sink: ByteSink,
  { hasRoomOnDisk }: Pick<FetchOptions, 'hasRoomOnDisk'>,
): ByteSink {
  return {
    ...sink,
    async begin(sizeBytes) {
      if (!(await hasRoomOnDisk(sizeBytes ?? 0))) throw new NoRoomOnDisk()
      await sink.begin(sizeBytes)
    },
  }
}

/** What a client is told in place of an archive. Logged, unless upstream wasn't even asked. */
export function failureOf(
  brought: Exclude<Brought, { readonly outcome: 'good' }>,
  { dist_url: url }: KnownReference,
  { logger }: Pick<FetchOptions, 'logger'>,
): AppError {
  if (brought.outcome === 'missing') {
    return new AppError('archive_not_found', `upstream doesn't have this archive any more`)
  }
  if (brought.outcome === 'paused') {
    const { retryAfterSeconds } = brought
    return unavailable(brought.why, { retryAfterSeconds })
  }
  if (brought.outcome === 'refused') {
    const { problem } = brought
    logger.error({ alert: 'archive_refused', url, problem }, 'upstream sent a bad archive')
    return new AppError('archive_invalid', `upstream's archive was refused: ${problem}`)
  }
  if (brought.outcome === 'failed') {
    const why = wordsFor(brought.why)
    logger.warn({ url, ...brought, why }, 'upstream gave no archive')
    return unavailable(brought.why)
  }
  // To a question without a condition.
  logger.warn({ url, ...brought }, 'upstream gave no archive')
  return unavailable(undefined)
}

function unavailable(why: Why | undefined, options?: AppErrorOptions): AppError {
  const cause = why === undefined ? 'upstream gives no answer now' : wordsFor(why)
  return new AppError(
    'upstream_unavailable',
    `the archive isn't cached here, and ${cause}`,
    options,
  )
}

interface Kept {
  readonly request: ArchiveRequest
  readonly known: KnownReference
  readonly archive: Checked
}

/**
 * Stores a checked download. A failure of ours is no reason not to serve it, so it is only logged.
 *
 * Blob before event: a crash in between leaves a blob that nothing names; the sweep removes it.
 */
export async function keep(
  { request, known, archive, file }: Kept & { readonly file: string },
  { blobs, withRoomFor, record, now, logger }: FetchOptions,
): Promise<void> {
  const { sha256, sizeBytes, treeSha256, etag, lastModified } = archive
  const sha1 = Sha1.parse(archive.sha1)
  try {
    await withRoomFor(sizeBytes, async () => {
      if ((await blobs.put(file, sha256)) === 'full') {
        logger.warn({ alert: 'store_full', sizeBytes }, 'an archive is passed on and not kept')
        return
      }
      await record({
        type: 'ArchiveStored',
        data: {
          ...namesOf(request, known),
          sha256,
          sha1,
          isNamedBySha1: known.shasum !== null,
          sizeBytes,
          treeSha256,
          etag,
          lastModified,
          sourceUrl: known.dist_url,
          fetchedAt: now(),
        },
      })
    })
  } catch (error) {
    logger.error(
      { err: error, alert: 'archive_not_kept', url: known.dist_url },
      'an archive was passed on and could not be kept',
    )
  }
}

interface Differing extends Kept {
  readonly stored: StoredArchive | undefined
}

export async function tellDiffering(
  { request, known, stored, archive }: Differing,
  { record, now, logger }: FetchOptions,
): Promise<void> {
  const { tree_sha256: treeSha256 = null } = stored ?? {}
  const { treeSha256: upstreamTreeSha256, sha256: upstreamSha256 } = archive
  if (treeSha256 === null || upstreamTreeSha256 === undefined) return
  await record({
    type: 'ArchiveDiffered',
    data: {
      ...namesOf(request, known),
      treeSha256,
      upstreamTreeSha256,
      upstreamSha256,
      sourceUrl: known.dist_url,
      fetchedAt: now(),
    },
  })
  logger.error(
    { alert: 'archive_differs', url: known.dist_url, treeSha256, upstreamTreeSha256 },
    'upstream offers other files under the same reference; they are not accepted',
  )
}

export function missingFact(
  request: ArchiveRequest,
  { known, status }: { readonly known: KnownReference; readonly status: number },
  { now }: Pick<FetchOptions, 'now'>,
): ArchiveFact {
  const { dist_url: sourceUrl } = known
  return {
    type: 'ArchiveMissing',
    data: { ...namesOf(request, known), status, sourceUrl, fetchedAt: now() },
  }
}

/** What an archive is called in events. */
export function namesOf(
  { packageName }: ArchiveRequest,
  { version_normalized, reference, dist_type }: KnownReference,
): Pick<ArchiveFact['data'], 'packageName' | 'versionNormalized' | 'reference' | 'distType'> {
  return {
    packageName,
    versionNormalized: version_normalized,
    reference: reference ?? undefined,
    distType: dist_type,
  }
}
