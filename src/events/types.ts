import { z } from 'zod'
import { DocumentName, PackageName } from '../composer/names.ts'
import { Instant } from '../time-machine/instant.ts'
import { AlertAcknowledged, AlertContinued, AlertOpened, AlertResolved } from './alert-types.ts'
import {
  ArchiveAccepted,
  ArchiveConfirmed,
  ArchiveDiffered,
  ArchiveEvicted,
  ArchiveMissing,
  ArchivesAccessed,
  ArchiveStored,
  BlockedArchiveWanted,
} from './archive-types.ts'
import { event, sizeBytes, text, written } from './event-schema.ts'
import {
  AdvisoriesDated,
  MetadataChanged,
  MetadataConfirmed,
  MetadataFetchFailed,
  MetadataMissing,
  ReferenceMoved,
  VersionWithdrawn,
} from './metadata-types.ts'
import {
  PackagesInstalled,
  PrivateVersionPublished,
  PrivateVersionWithdrawn,
  VendorOpened,
} from './private-types.ts'
import { TokenIssued, TokenRevoked, TokensUsed } from './token-types.ts'

export { accessesPerEventMax } from './archive-types.ts'
export { Sha256 } from './event-schema.ts'
export { FetchCause, FetchFailure } from './metadata-types.ts'

/** A package takes 300 bytes of JSON at most, so an event of them stays below 64 KiB. */
export const usagePackagesMax = 100

/**
 * One page of upstream's change feed was read: but for what it names, nothing has changed since the
 * page before. A change is named with the moment since when upstream has it.
 */
const ChangeFeedRead = event('ChangeFeedRead', {
  /** The feed's URL. */
  feed: z.url().max(4000),
  /** Where the page begins and where the next one will, as upstream counts; no `since`, no page yet. */
  since: z.int().nonnegative().optional(),
  until: z.int().nonnegative(),
  /** The feed can't say what has changed: any document may have. */
  resync: z.boolean(),
  /** Of the documents known here, those that have changed since they were fetched … */
  changed: z.array(z.object({ document: DocumentName, changedAt: Instant })),
  /** … and the packages that have been deleted. */
  deleted: z.array(z.object({ packageName: PackageName, deletedAt: Instant })),
  /** When the question was asked, by the clock of the node that asked. */
  readAt: Instant,
  /** The page names more, in the event that follows; until then it verifies nothing. */
  more: z.literal(true).optional(),
  /** The list of upstream's names that the page was compared with. */
  list: z.uuid().optional(),
  /** Packages that the page names and that aren't in the list. */
  unlisted: z.array(PackageName).min(1).optional(),
})

/**
 * Somebody had what is cached forgotten. The archives' evictions follow; the documents are served and
 * asked for again.
 */
const CachePurged = event('CachePurged', {
  /** Only of this package … */
  packageName: PackageName.optional(),
  /** … and only archives that were last used, and documents that upstream was last asked for, before. */
  before: Instant.optional(),
  /** How much was meant when it was asked for. */
  archives: z.int().nonnegative(),
  sizeBytes,
  documents: z.int().nonnegative(),
  ...written,
})

const count = z.int().nonnegative()
/** By where the answers came from; see telemetry/observer.ts. */
const results = z.object({
  hit: count,
  miss: count,
  stale: count,
  coalesced: count,
  negative: count,
})

/** What one node did for Composer since its last such event; all of it on one day, UTC. */
const UsageRecorded = event('UsageRecorded', {
  /** Of the first and the last that is counted, by the clock of the node. */
  from: Instant,
  to: Instant,
  requests: count,
  /** Of bodies, as sent. */
  servedBytes: count,
  metadata: results,
  archives: results,
  upstream: z.object({ requests: count, bytes: count, failures: count }),
  /** How many requests took at most so long, and longer than the next lower bound; null: longer than all. */
  latency: z.array(z.object({ upToMs: z.int().positive().nullable(), count })).max(50),
  /** Those asked for most, and how often they were. */
  packages: z
    .array(z.object({ packageName: PackageName, metadata: count, archives: count }))
    .max(usagePackagesMax),
})

/**
 * A package is served as it was at an instant, whatever upstream does, until it is unfrozen or frozen at
 * another instant.
 */
const PackageFrozen = event('PackageFrozen', {
  packageName: PackageName,
  /** At or before this event; absent: as it was when this was recorded. */
  at: Instant.optional(),
  ...written,
})

const PackageUnfrozen = event('PackageUnfrozen', {
  packageName: PackageName,
  ...written,
})

/** Versions of a package are not served any more, whatever date is asked for. */
const VersionsBlocked = event('VersionsBlocked', {
  packageName: PackageName,
  /** As Composer reads it. */
  constraint: text,
  ...written,
})

const VersionsUnblocked = event('VersionsUnblocked', {
  packageName: PackageName,
  /** As it was blocked; absent: all that was blocked of the package. */
  constraint: text.optional(),
  ...written,
})

/**
 * Facts this proxy learned, in the past tense. Recorded events are permanent: add optional fields or
 * new types; never rename, retype or remove one. A fixture of every type must decode for ever.
 */
export const DomainEvent = z.discriminatedUnion('type', [
  MetadataChanged,
  MetadataConfirmed,
  MetadataMissing,
  MetadataFetchFailed,
  ReferenceMoved,
  VersionWithdrawn,
  ChangeFeedRead,
  ArchiveStored,
  ArchiveConfirmed,
  ArchiveDiffered,
  ArchiveAccepted,
  ArchiveMissing,
  ArchivesAccessed,
  ArchiveEvicted,
  CachePurged,
  UsageRecorded,
  PackageFrozen,
  PackageUnfrozen,
  VersionsBlocked,
  VersionsUnblocked,
  BlockedArchiveWanted,
  AlertOpened,
  AlertContinued,
  AlertResolved,
  AlertAcknowledged,
  PrivateVersionPublished,
  PrivateVersionWithdrawn,
  VendorOpened,
  PackagesInstalled,
  TokenIssued,
  TokenRevoked,
  TokensUsed,
  AdvisoriesDated,
])
export type DomainEvent = Readonly<z.infer<typeof DomainEvent>>

/** An event and the id it keeps through every retry, so that a repeated append is recognised. */
export type NewEvent = DomainEvent & { readonly id: string }

/** Place of an event in the whole log: strictly increasing, dense in PostgreSQL. 0 is before the first. */
export type Position = bigint

/** An event as the log gives it back. `recordedAt` strictly increases with `position`. */
export type RecordedEvent = NewEvent & {
  readonly position: Position
  readonly stream: string
  /** Place in its stream, from 1. */
  readonly version: number
  readonly recordedAt: Instant
}

/** JSON text of an event's data may have this many bytes: bodies go to a store and are named by hash. */
export const eventDataSizeBytesMax = 65_536

export function documentStream(document: DocumentName): string {
  return `document-${document}`
}

/** Of when the advisories that a document names were reported. */
export function advisoriesStream(document: DocumentName): string {
  return `advisories-${document}`
}

/** @param upstreamUrl of the repository that the feed belongs to. */
export function feedStream(upstreamUrl: string): string {
  return `feed-${new URL(upstreamUrl).host}`
}

/** Of what operators decide about a package. */
export function packageStream(packageName: PackageName): string {
  return `package-${packageName}`
}

export function archiveStream(packageName: PackageName): string {
  return `archive-${packageName}`
}

/** Of our own packages. */
export function privateStream(packageName: PackageName): string {
  return `private-${packageName}`
}

/** Of what operators decide about a vendor. */
export function vendorStream(vendor: string): string {
  return `vendor-${vendor}`
}

/** Of a token: also where its successor is issued, so that it can have one only. */
export function tokenStream(tokenId: string): string {
  return `token-${tokenId}`
}

/** Of which tokens were shown. */
export const tokenUsesStream = 'token-uses'
/** Of what Composer reported as installed. */
export const installsStream = 'installs'

/** Of what happens to blobs, whichever packages they belong to. */
export const cacheStream = 'cache'

/** Of blocked archives that were asked for. */
export const wantedStream = 'blocked-wanted'

/** Of what is counted. */
export const usageStream = 'usage'

/** Of what was seen to be wrong with the running service, and of what people said to alerts. */
export const alertsStream = 'alerts'
