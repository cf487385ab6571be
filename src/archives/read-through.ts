import { rm } from 'node:fs/promises'
import path from 'node:path'
import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { PackageName } from '../composer/names.ts'
import { AppError } from '../errors.ts'
import type { EventLog } from '../events/log.ts'
import { newEvent } from '../events/new-event.ts'
import { archiveStream, type DomainEvent, type Position, type Sha256 } from '../events/types.ts'
import { createSingleFlight, onOneNode, type Turn } from '../single-flight.ts'
import type { Instant } from '../time-machine/instant.ts'
import type { ArchiveDownload } from '../upstream/archives.ts'
import type { Blob, BlobStore } from './blobs.ts'
import { problemOfZip } from './check.ts'
import { openStaged } from './staged.ts'

/** What a client asks for, in the tokens that Composer puts into a mirror URL. */
export interface ArchiveRequest {
  readonly packageName: PackageName
  readonly versionToken: string
  readonly referenceToken: string
  readonly distType: string
}

/** Where recorded metadata says that an archive is. */
export interface KnownReference {
  readonly version_normalized: string
  readonly reference: string | null
  readonly dist_type: string
  readonly dist_url: string
  readonly shasum: string | null
}

export interface ArchiveOptions {
  readonly storedArchive: (
    request: ArchiveRequest,
  ) => Promise<{ readonly sha256: Sha256 } | undefined>
  readonly knownReference: (request: ArchiveRequest) => Promise<KnownReference | undefined>
  /** Brings a package's metadata up to date, when its references aren't known yet. */
  readonly refreshPackage: (packageName: PackageName) => Promise<void>
  readonly isAllowed: (url: string) => boolean
  readonly download: (url: string, path: string) => Promise<ArchiveDownload>
  readonly blobs: BlobStore
  /** Runs `store` once the cache has room for so many bytes; false, and it isn't run: it never will. */
  readonly withRoomFor: (sizeBytes: number, store: () => Promise<void>) => Promise<boolean>
  readonly log: EventLog
  readonly until: (position: Position) => Promise<void>
  readonly turnFor: (name: string) => Turn
  /** Downloads are kept here until they are checked; see staging.ts. */
  readonly stagingDirectory: string
  readonly now: () => Instant
  readonly logger: Logger
}

/**
 * An archive, from the blob store or else fetched, checked and kept first.
 *
 * @throws AppError `archive_not_found` when no metadata ever named it or upstream doesn't have it,
 * `archive_refused` when its host isn't allowed, `archive_invalid` when it isn't what metadata says,
 * `upstream_unavailable` when upstream gave no answer.
 */
export type OpenArchive = (request: ArchiveRequest) => Promise<Blob>

export function createOpenArchive(options: ArchiveOptions): OpenArchive {
  const fetchOnce = createSingleFlight(async (request: ArchiveRequest) => {
    return await onOneNode({
      turn: options.turnFor(`archive ${keyOf(request)}`),
      brought: async () => await openStored(request, options),
      work: async () => await fetchArchive(request, options),
    })
  }, keyOf)
  return async (request) => (await openStored(request, options)) ?? (await fetchOnce(request))
}

function keyOf({ packageName, versionToken, referenceToken, distType }: ArchiveRequest): string {
  return `${packageName} ${versionToken} ${referenceToken} ${distType}`
}

async function openStored(
  request: ArchiveRequest,
  { storedArchive, blobs }: ArchiveOptions,
): Promise<Blob | undefined> {
  const stored = await storedArchive(request)
  return stored === undefined ? undefined : await blobs.find(stored.sha256)
}

async function fetchArchive(request: ArchiveRequest, options: ArchiveOptions): Promise<Blob> {
  const known = await findReference(request, options)
  if (!options.isAllowed(known.dist_url)) {
    throw new AppError(
      'archive_refused',
      `${hostOf(known.dist_url)} isn't among the hosts that archives may come from`,
    )
  }
  const staged = path.join(options.stagingDirectory, randomUUID())
  try {
    const downloaded = await downloadChecked(known, staged, options)
    await options.withRoomFor(downloaded.sizeBytes, async () => {
      await store(request, options, { known, staged, ...downloaded })
    })
    return await openStaged(staged, downloaded)
  } finally {
    await rm(staged, { force: true })
  }
}

interface Checked {
  readonly known: KnownReference
  readonly staged: string
  readonly sha256: Sha256
  readonly sizeBytes: number
}

// Blob before event: a crash in between leaves a blob that nothing names, which the next fetch finds
// already stored.
async function store(
  { packageName }: ArchiveRequest,
  options: ArchiveOptions,
  { known, staged, sha256, sizeBytes }: Checked,
): Promise<void> {
  if ((await options.blobs.put(staged, sha256)) === 'full') {
    options.logger.warn({ alert: 'store_full', sizeBytes }, 'an archive is passed on and not kept')
    return
  }
  await record(packageName, options, {
    type: 'ArchiveStored',
    data: {
      packageName,
      versionNormalized: known.version_normalized,
      reference: known.reference ?? undefined,
      distType: known.dist_type,
      sha256,
      sizeBytes,
      sourceUrl: known.dist_url,
      fetchedAt: options.now(),
    },
  })
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'its URL'
}

async function findReference(
  request: ArchiveRequest,
  { knownReference, refreshPackage }: ArchiveOptions,
): Promise<KnownReference> {
  let known = await knownReference(request)
  if (known === undefined) {
    // An install from a lock file asks for archives without ever asking for metadata.
    await refreshPackage(request.packageName)
    known = await knownReference(request)
  }
  if (known === undefined || known.dist_type !== request.distType) {
    throw new AppError(
      'archive_not_found',
      `no metadata of ${request.packageName} names this version and reference`,
    )
  }
  return known
}

async function downloadChecked(
  { dist_url, dist_type, shasum }: KnownReference,
  staged: string,
  { download, logger }: ArchiveOptions,
): Promise<{ readonly sha256: Sha256; readonly sizeBytes: number }> {
  const result = await download(dist_url, staged)
  if (result.outcome === 'missing') {
    throw new AppError('archive_not_found', `upstream doesn't have this archive any more`)
  }
  if (result.outcome === 'paused') {
    const { retryAfterSeconds } = result
    const message = `the archive isn't cached here and upstream is failing`
    throw new AppError('upstream_unavailable', message, { retryAfterSeconds })
  }
  if (result.outcome === 'failed') {
    logger.warn({ url: dist_url, ...result }, 'upstream gave no archive')
    throw new AppError('upstream_unavailable', `the archive isn't cached here and upstream failed`)
  }
  const problem =
    shasum !== null && shasum !== result.sha1
      ? `its SHA-1 is ${result.sha1}, metadata says ${shasum}`
      : dist_type === 'zip'
        ? await problemOfZip(staged, result.sizeBytes)
        : undefined
  if (problem !== undefined) {
    logger.error(
      { alert: 'archive_refused', url: dist_url, problem },
      'upstream sent a bad archive',
    )
    throw new AppError('archive_invalid', `upstream's archive was refused: ${problem}`)
  }
  return result
}

async function record(
  packageName: PackageName,
  { log, until }: ArchiveOptions,
  event: DomainEvent,
): Promise<void> {
  const result = await log.append({
    stream: archiveStream(packageName),
    expected: 'any',
    events: [newEvent(event)],
  })
  if (result.outcome === 'appended') await until(result.events.at(-1)?.position ?? 0n)
}
