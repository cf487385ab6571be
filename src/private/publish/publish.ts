import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { BlobLost, type BlobStore } from '../../archives/blobs.ts'
import type { JsonObject } from '../../composer/minify.ts'
import { type PackageName, vendorOf } from '../../composer/names.ts'
import { withVersion } from '../../composer/own-document.ts'
import { vendorsStoodInFor } from '../../composer/stand-ins.ts'
import { isBranch } from '../../composer/versions.ts'
import { AppError } from '../../errors.ts'
import type { EventLog } from '../../events/log.ts'
import {
  type DomainEvent,
  type Position,
  privateStream,
  type RecordedEvent,
} from '../../events/types.ts'
import { decideOnStream } from '../../package-decisions.ts'
import type { SnapshotStore } from '../../snapshots/store.ts'
import { floorToSecond, type Instant } from '../../time-machine/instant.ts'
import { historyOf, lastDocument, type Published } from './history.ts'
import { checkNames, inspectUpload } from './inspect.ts'
import type { IsReserved, Reserved } from '../reserved.ts'
import { noRoom, type Staged, type StageOptions, type Upload, withStaged } from './stage.ts'

export interface PublishOptions extends StageOptions {
  /** What is stored, not what is in memory. */
  readonly blobs: BlobStore
  readonly snapshots: SnapshotStore
  readonly log: EventLog
  /** Resolves once the read models have everything up to `position`. */
  readonly until: (position: Position) => Promise<void>
  readonly isReserved: IsReserved
  readonly reservedNames: Reserved['reservedNames']
  /** Whether upstream has, or had, packages of a vendor, as far as is known here. */
  readonly hasPublicPackages: (vendor: string) => Promise<boolean>
  /** Whether `/metrics` takes no token. */
  readonly hasOpenMetrics: () => Promise<boolean>
  readonly now: () => Instant
  readonly logger: Logger
}

export interface PublishRequest {
  readonly packageName: PackageName
  /** As it is to be called. */
  readonly version: string
  /** When another registry published it; undefined: it is new. */
  readonly publishedTime: Instant | undefined
  /** Publishes although the vendor has public packages, which are not served from then on. */
  readonly claim: boolean
  /** Whether who asks may publish packages of a vendor. */
  readonly mayPublish: (vendor: string) => boolean
  readonly actor: string
  readonly requestId: string
}

/** `moved`: a branch, which was somewhere else before. */
export type PublishOutcome = 'published' | 'unchanged' | 'moved'

export interface PublishedVersion extends Published {
  readonly outcome: PublishOutcome
  /** What else it changed; sentences. */
  readonly warnings: readonly string[]
}

/**
 * Publishes a version of a package of our own. It never changes afterwards, unless it is a branch; the
 * same bytes once more record nothing, but put back an archive that was damaged or lost.
 *
 * @throws AppError `package_invalid`, `forbidden`, `version_exists`, `vendor_is_public`, `too_large`, `no_room`,
 * each with what to do, and what the upload throws.
 */
export type Publish = (request: PublishRequest, upload: Upload) => Promise<PublishedVersion>

/** The same of what was received already. */
export type PublishStaged = (request: PublishRequest, staged: Staged) => Promise<PublishedVersion>

export function createPublish(options: PublishOptions): {
  readonly publish: Publish
  readonly publishStaged: PublishStaged
} {
  const publishStaged: PublishStaged = async (request, staged) => {
    return await publish(request, staged, options)
  }
  return {
    publishStaged,
    async publish(request, upload) {
      // Whatever can be refused without the zip is, before anybody has sent all of it.
      checkNames(request.packageName, request.version)
      await claimOf(request, options)
      return await withStaged(upload, options, async (staged) => {
        return await publishStaged(request, staged)
      })
    },
  }
}

/**
 * The order is what makes a crash harmless: archive, then document, then the event that names both. What
 * a crash leaves is a precious blob that no version has, which the sweep removes after an hour, and a
 * snapshot that nothing names.
 */
async function publish(
  request: PublishRequest,
  staged: Staged,
  options: PublishOptions,
): Promise<PublishedVersion> {
  const { packageName, version } = request
  const { log, until, now } = options
  const versionNormalized = checkNames(packageName, version)
  let claim = await claimOf(request, options)
  const stream = privateStream(packageName)
  const name = { packageName, version, versionNormalized }
  // Looked at first: of what is there already, today's checks are not asked.
  const unchanged = await decideOnStream({ log, until, stream }, async () => undefined)
  const known = sameAs(staged, unchanged, versionNormalized)
  if (known !== undefined) {
    refuseOtherTime(known, request)
    await restore(staged, options)
    return { ...known, outcome: 'unchanged', warnings: [] }
  }
  const { sha256, sha1, sizeBytes } = staged
  const { publishedTime } = request
  const publication = { ...name, sha256, sha1, publishedAt: floorToSecond(now()), publishedTime }
  const inspected = await inspectUpload(staged, publication)
  await checkStandIns(inspected.version, request, options)
  await put(staged, options)
  const hadOpenMetrics = claim.isFirst && (await options.hasOpenMetrics())
  const deciding = { ...inspected, request, publication, sizeBytes }
  let outcome: PublishOutcome = 'unchanged'
  const events = await decideOnStream({ log, until, stream }, async (before) => {
    outcome = outcomeOf(staged, before, versionNormalized)
    if (outcome === 'unchanged') return undefined
    // The vendor may have been opened since.
    const { isFirst, claimed } = await claimOf(request, options)
    claim = { isFirst: claim.isFirst || isFirst, claimed: claim.claimed ?? claimed }
    return await publicationOf({ ...deciding, claimed: claim.claimed }, before, options)
  })
  const published = historyOf(events, versionNormalized)?.served
  if (published === undefined) throw new Error(`${stream}: a version was published and is not`)
  // Who is told that it is published is told that nothing else is served of the vendor any more.
  if (claim.isFirst) await delay(claimKnownMs)
  const warnings = hadOpenMetrics ? [metricsArePrivate] : []
  for (const warning of warnings) options.logger.warn({ packageName }, warning)
  return { ...published, outcome, warnings }
}

const metricsArePrivate =
  'There are packages of your own now, so /metrics is answered no more without a token: set METRICS_TOKEN and give it to what scrapes it, or give that a token that administers everything.'

/** undefined: these bytes aren't what is served of the version. @throws AppError `version_exists`. */
function sameAs(
  staged: Staged,
  events: readonly RecordedEvent[],
  versionNormalized: string,
): Published | undefined {
  if (outcomeOf(staged, events, versionNormalized) !== 'unchanged') return undefined
  return historyOf(events, versionNormalized)?.served
}

/** A date is published with a version, and stays as that does. @throws AppError `version_exists`. */
function refuseOtherTime(known: Published, { publishedTime }: PublishRequest): void {
  const { packageName, version, publishedAt } = known
  const told = known.publishedTime ?? publishedAt
  if (publishedTime === undefined || publishedTime === told) return
  throw new AppError(
    'version_exists',
    `${packageName} ${version} is published with the date ${told}, which never changes`,
  )
}

/** What publishing these bytes comes to. @throws AppError `version_exists`. */
function outcomeOf(
  { sha256 }: Staged,
  before: readonly RecordedEvent[],
  versionNormalized: string,
): PublishOutcome {
  const history = historyOf(before, versionNormalized)
  if (history === undefined) return 'published'
  const { served, last } = history
  if (served?.sha256 === sha256) return 'unchanged'
  if (isBranch(versionNormalized)) return served === undefined ? 'published' : 'moved'
  if (last.sha256 === sha256) return 'published' // it was withdrawn
  throw new AppError(
    'version_exists',
    `${last.packageName} ${last.version} was published with other bytes and never changes: publish these as another version`,
  )
}

interface Deciding {
  readonly request: PublishRequest
  readonly claimed: true | undefined
  readonly publication: Pick<
    Published,
    | 'packageName'
    | 'version'
    | 'versionNormalized'
    | 'sha256'
    | 'sha1'
    | 'publishedAt'
    | 'publishedTime'
  >
  readonly sizeBytes: number
  readonly treeSha256: Published['treeSha256']
  readonly version: Parameters<typeof withVersion>[2]
}

async function publicationOf(
  { request, claimed, publication, sizeBytes, treeSha256, version }: Deciding,
  before: readonly RecordedEvent[],
  { snapshots }: PublishOptions,
): Promise<DomainEvent> {
  const { packageName, actor, requestId } = request
  const previous = lastDocument(before, publication.versionNormalized)
  const body = previous === undefined ? undefined : await snapshots.get(previous)
  const documentSha256 = await snapshots.put(withVersion(body, packageName, version), previous)
  return {
    type: 'PrivateVersionPublished',
    data: { ...publication, sizeBytes, treeSha256, documentSha256, claimed, actor, requestId },
  }
}

/** Every node gives from memory only what was so a second ago, so twice as long is enough for all of them. */
const claimKnownMs = 2_000

interface Claim {
  /** The vendor becomes ours with this. */
  readonly isFirst: boolean
  /** It had public packages, and whoever publishes knows. */
  readonly claimed: true | undefined
}

/** @throws AppError `vendor_is_public`. */
async function claimOf(
  { packageName, claim }: PublishRequest,
  { isReserved, hasPublicPackages }: PublishOptions,
): Promise<Claim> {
  const vendor = vendorOf(packageName)
  if (await isReserved(packageName)) return { isFirst: false, claimed: undefined }
  if (!(await hasPublicPackages(vendor))) return { isFirst: true, claimed: undefined }
  if (claim) return { isFirst: true, claimed: true }
  throw new AppError(
    'vendor_is_public',
    `${vendor} has public packages, and would be yours alone: none of those would be served any more; add ?claim=true if that is what you want`,
  )
}

/**
 * Whoever requires a package of ours gets what was published under its vendor's name, and not what somebody
 * published under another one.
 *
 * @throws AppError `forbidden`.
 */
async function checkStandIns(
  version: JsonObject,
  { packageName, mayPublish }: PublishRequest,
  { reservedNames }: PublishOptions,
): Promise<void> {
  const { has } = await reservedNames()
  const vendors = [...vendorsStoodInFor([version], packageName)]
  const vendor = vendors.find((each) => has(each) && !mayPublish(each))
  if (vendor === undefined) return
  throw new AppError(
    'forbidden',
    `${packageName} replaces or provides packages of ${vendor}, which this token may not publish`,
  )
}

async function put({ path, sha256 }: Staged, { blobs }: PublishOptions): Promise<void> {
  if ((await blobs.put(path, sha256, { isPrecious: true })) === 'full') throw noRoom()
}

/** Has an archive there and whole, whatever became of it since it was published. */
async function restore(staged: Staged, options: PublishOptions): Promise<void> {
  await put(staged, options)
  // Reading a damaged one takes it out of the store.
  if (!(await isWhole(staged, options))) await put(staged, options)
}

async function isWhole({ sha256 }: Staged, { blobs }: PublishOptions): Promise<boolean> {
  try {
    const blob = await blobs.find(sha256)
    if (blob === undefined) return false
    for await (const _ of blob.bytes());
    return true
  } catch (error) {
    if (error instanceof BlobLost) return false
    throw error
  }
}
