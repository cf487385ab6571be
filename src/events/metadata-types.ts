import { z } from 'zod'
import { DocumentName } from '../composer/names.ts'
import { Instant } from '../time-machine/instant.ts'
import { event, Sha256, sizeBytes, text } from './event-schema.ts'

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

/** Why, as closely as it is known; what upstream itself writes of it is kept nowhere. A closed list too. */
export const FetchCause = z.enum([
  ...FetchFailure.options, // no more than that is known
  // connection
  'name_not_found',
  'name_server_failed',
  'connection_refused',
  'no_route',
  'connection_broke_off',
  'not_http',
  'certificate_untrusted',
  'certificate_expired',
  'certificate_of_another_name',
  'certificate_invalid',
  'tls_failed',
  'proxy_refused',
  // timeout
  'name_timed_out',
  'connecting_timed_out',
  'answer_timed_out',
  'body_timed_out',
  // status
  'told_to_wait',
  // redirects
  'address_not_public',
])
export type FetchCause = z.infer<typeof FetchCause>

const leftOut = {
  /** There when versions had to be left out: names the bytes as upstream sent them. */
  upstreamSha256: Sha256.optional(),
  /** The versions left out because Composer couldn't load them, which would cost all the others. */
  rejectedVersions: z
    .array(z.object({ version: text, problem: text }))
    .max(50)
    .optional(),
  /** Lists in its `filter` that name versions in a way that can't be read: all of the package's count as listed. */
  unreadableLists: z.array(text).max(50).optional(),
} as const

/** Upstream served bytes that differ from the last ones recorded for this document. */
export const MetadataChanged = event('MetadataChanged', {
  document: DocumentName,
  /** Of the uncompressed body; its name in the snapshot store, where it is before this event is. */
  sha256: Sha256,
  sizeBytes,
  /** Upstream's `Last-Modified`: since when exactly these bytes are current there. */
  lastModified: Instant.optional(),
  /** When the answer had arrived, by the clock of the node that asked. */
  fetchedAt: Instant,
  previousSha256: Sha256.optional(),
  ...leftOut,
})

/** A tagged version now names another commit than before. */
export const ReferenceMoved = event('ReferenceMoved', {
  document: DocumentName,
  version: text,
  from: text,
  to: text,
  fetchedAt: Instant,
})

/** A version or branch that was there is gone. */
export const VersionWithdrawn = event('VersionWithdrawn', {
  document: DocumentName,
  version: text,
  reference: text.optional(),
  fetchedAt: Instant,
})

/** Upstream still has the bytes recorded last: it said so (304), or sent the same again. */
export const MetadataConfirmed = event('MetadataConfirmed', {
  document: DocumentName,
  sha256: Sha256,
  lastModified: Instant.optional(),
  fetchedAt: Instant,
  ...leftOut,
})

/** Upstream says that it has no such document: by 404 or 410, or by 200 and one that Composer finds nothing of the package in. */
export const MetadataMissing = event('MetadataMissing', {
  document: DocumentName,
  status: z.int(),
  fetchedAt: Instant,
})

/** Upstream was asked and gave no usable answer. */
export const MetadataFetchFailed = event('MetadataFetchFailed', {
  document: DocumentName,
  reason: FetchFailure,
  /** There when more is known than `reason`. */
  cause: FetchCause.optional(),
  status: z.int().optional(),
  durationMs: z.int().nonnegative(),
  fetchedAt: Instant,
  /** There when a body came that was refused, and so isn't kept: its hash … */
  refusedSha256: Sha256.optional(),
  /** … why … */
  problem: text.optional(),
  /** … and by which rules; see `inspectionVersion` in metadata/inspect.ts. */
  inspection: z.int().positive().optional(),
})

/**
 * Upstream was asked when the advisories that a document names were reported, which the document doesn't say:
 * once, before its past is told for the first time, so that it is told the same for ever.
 */
export const AdvisoriesDated = event('AdvisoriesDated', {
  document: DocumentName,
  /** Of the body that names them. */
  sha256: Sha256,
  /** Of the dates, kept as a snapshot; absent: upstream names no place to ask. */
  datesSha256: Sha256.optional(),
  fetchedAt: Instant,
})
