import { z } from 'zod'
import { DocumentName, PackageName } from '../composer/names.ts'
import { Instant } from '../time-machine/instant.ts'

/** Lower-case hex. Names a snapshot or a blob by its content. */
export const Sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .brand('Sha256')
export type Sha256 = z.infer<typeof Sha256>

const sizeBytes = z.int().nonnegative()
const text = z.string().max(500)

/** What an upstream metadata answer can lack; a closed list, also the label of the failure metric. */
export const FetchFailure = z.enum([
  'connection', // refused, reset, TLS, DNS
  'timeout',
  'status', // an answer other than 200, 304, 404 and 410
  'redirects', // too many, or to a place that isn't allowed
  'too_large',
  'invalid_encoding', // a body that doesn't decompress
  'invalid_document', // not a Composer metadata document of the asked name
])
export type FetchFailure = z.infer<typeof FetchFailure>

function event<Type extends string, Data extends z.ZodRawShape>(type: Type, data: Data) {
  return z.object({ type: z.literal(type), data: z.object(data) })
}

/** Upstream served bytes that differ from the last ones recorded for this document. */
const MetadataChanged = event('MetadataChanged', {
  document: DocumentName,
  /** Of the uncompressed body; its name in the snapshot store, where it is before this event is. */
  sha256: Sha256,
  sizeBytes,
  /** Upstream's `Last-Modified`: since when exactly these bytes are current there. */
  lastModified: Instant.optional(),
  /** When the answer had arrived, by the clock of the node that asked. */
  fetchedAt: Instant,
  previousSha256: Sha256.optional(),
  /** There when versions had to be left out: names the bytes as upstream sent them. */
  upstreamSha256: Sha256.optional(),
  /** The versions left out because Composer couldn't load them, which would cost all the others. */
  rejectedVersions: z.array(z.object({ version: text, problem: text })).max(50).optional(),
})

/** A tagged version now names another commit than before. */
const ReferenceMoved = event('ReferenceMoved', {
  document: DocumentName,
  version: text,
  from: text,
  to: text,
  fetchedAt: Instant,
})

/** A version or branch that was there is gone. */
const VersionWithdrawn = event('VersionWithdrawn', {
  document: DocumentName,
  version: text,
  reference: text.optional(),
  fetchedAt: Instant,
})

/** Upstream still has the bytes recorded last: it said so (304), or sent the same again. */
const MetadataConfirmed = event('MetadataConfirmed', {
  document: DocumentName,
  sha256: Sha256,
  lastModified: Instant.optional(),
  fetchedAt: Instant,
})

/** Upstream says that it has no such document. */
const MetadataMissing = event('MetadataMissing', {
  document: DocumentName,
  status: z.int(),
  fetchedAt: Instant,
})

/** Upstream was asked and gave no usable answer. */
const MetadataFetchFailed = event('MetadataFetchFailed', {
  document: DocumentName,
  reason: FetchFailure,
  status: z.int().optional(),
  durationMs: z.int().nonnegative(),
  fetchedAt: Instant,
})

/** The archive of one (package, reference) was fetched, checked and kept. */
const ArchiveStored = event('ArchiveStored', {
  packageName: PackageName,
  versionNormalized: text,
  /** Absent for a dist that upstream names without one. */
  reference: text.optional(),
  distType: z.string().max(20),
  sha256: Sha256,
  sizeBytes,
  sourceUrl: z.url().max(4000),
  fetchedAt: Instant,
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
  ArchiveStored,
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

export function archiveStream(packageName: PackageName): string {
  return `archive-${packageName}`
}
