import type { Generated } from 'kysely'
import type { AlertCode } from '../alerts/codes.ts'
import type { DocumentName, PackageName } from '../composer/names.ts'
import type { FetchCause, Sha256 } from '../events/types.ts'
import type { Instant } from '../time-machine/instant.ts'

/** `resync`: the feed can't tell whether there is a change. */
export type UnseenChange = 'update' | 'delete' | 'resync'

export interface DocumentCurrentTable {
  document: DocumentName
  /** Version of the document's stream that this row knows: what the next append expects. */
  stream_version: number
  /** The newest bytes upstream served; null before the first. Kept when upstream drops the document. */
  sha256: Sha256 | null
  /** Upstream's, of its newest answer: what the next conditional request sends. */
  last_modified: Instant | null
  /** Ours: whole seconds, strictly increasing whenever the bytes change. */
  served_last_modified: Instant | null
  /** When upstream last gave an answer about it (bytes, unchanged, or missing). */
  checked_at: Instant | null
  /** Since when, and how often in a row, upstream has been saying that there is no such document. */
  missing_since: Instant | null
  missing_checks: number
  /** No such document: never known, or known and confirmed to be gone. */
  gone: boolean
  failed_at: Instant | null
  /** Why, and what was answered then; there with `failed_at`. */
  failed_cause: FetchCause | null
  failed_status: number | null
  /** The body that was refused last, why, and by which rules. */
  refused_sha256: Sha256 | null
  refused_problem: string | null
  refused_inspection: number | null
  /** A change that the feed told of and no fetch has seen yet. */
  unseen_change: UnseenChange | null
  /** Since when upstream has it. */
  unseen_change_at: Instant | null
  /** Since when it is noted, by our clock: upstream's may tell another time. */
  unseen_since: Instant | null
  /** Somebody wants it asked for again, however fresh it is. */
  purged: boolean
  /** Of the row in document_history that holds now; null before the first. */
  state_position: bigint | null
}

export interface DocumentHistoryTable {
  document: DocumentName
  position: bigint
  recorded_at: Instant
  /** null: from here on upstream had no such document. */
  sha256: Sha256 | null
  last_modified: Instant | null
  served_last_modified: Instant | null
  /** The last time upstream was seen to have this state. */
  verified_until: Instant
}

export interface DocumentFeedTable {
  /** Of the feed's events. */
  stream: string
  /** What the next append expects. */
  stream_version: number
  /** Event that was the last. */
  position: bigint
  feed: string
  until: bigint
  /** What the feed names changes of is verified until here, unless it was named. */
  read_at: Instant
  /** The list of names that pages were compared with, without a gap since before it was fetched. */
  list: string | null
}

/** A package that isn't in a list of names, and that the feed named since. */
export interface FeedNamedPackageTable {
  list: string
  package_name: PackageName
}

export interface DocumentDigestTable {
  package_name: PackageName
  sha256: Sha256
  /** They are served as they are, unless something is laid over them. */
  whole: boolean
  /** Vendors whose packages its versions replace or provide; `*`: too many to list. */
  stands_in_for: readonly string[]
  /** What Composer reads out of their `filter`. */
  filter: string
}

export interface PackageReferenceTable {
  package_name: PackageName
  version_token: string
  reference_token: string
  version_normalized: string
  reference: string | null
  dist_type: string
  dist_url: string
  /** Lower-case SHA-1; null where upstream gives none, as for all of GitHub. */
  shasum: string | null
  /** Event since which it has this SHA-1, or none. */
  shasum_position: bigint
  /** Event that named it last. */
  position: bigint
}

/** Under which SHA-1, and where, an archive was before metadata named another. */
export interface FormerShasumTable {
  package_name: PackageName
  version_token: string
  reference_token: string
  shasum: string
  dist_type: string
  dist_url: string
}

/** A version without an archive that metadata of a package named. */
export interface BareVersionTable {
  package_name: PackageName
  version_normalized: string
}

export interface ArchiveTable {
  package_name: PackageName
  archive_key: string
  dist_type: string
  sha256: Sha256
  /** null: stored by a release that didn't record it. */
  sha1: string | null
  source_url: string
  /** Event that stored it last. */
  position: bigint
  tree_sha256: Sha256 | null
  etag: string | null
  last_modified: Instant | null
  /** When upstream answered about it last. */
  checked_at: Instant
  /** What upstream offers instead, and isn't accepted. */
  differed_sha256: Sha256 | null
  /** The files of that. */
  differed_tree_sha256: Sha256 | null
  /** Other files that somebody accepted in place of its own. */
  accepted_tree_sha256: Sha256 | null
  /** The version that it was stored as last. */
  version_normalized: string
  reference: string | null
  /** Upstream was seen not to have it any more. */
  missing: boolean
  /** Somebody wants it fetched again. */
  purged: boolean
}

export interface BlobUseTable {
  sha256: Sha256
  size_bytes: bigint
  /** The larger, the later it is evicted; see the projection. */
  worth: number
  stored_at: Instant
  last_used_at: Instant
  use_count: bigint
  served_bytes: bigint
}

export interface BlobUseTotalTable {
  one: Generated<boolean>
  blobs: bigint
  size_bytes: bigint
}

export interface UsageCountTable {
  /** `2026-06-01`, UTC. */
  day: string
  what: string
  count: bigint
}

export interface UsageLatencyTable {
  day: string
  /** Infinity: longer than any bound. */
  up_to_ms: number
  count: bigint
}

export interface UsagePackageTable {
  day: string
  package_name: PackageName
  /** How often it was asked for. */
  metadata: bigint
  archives: bigint
}

export interface BlobSourceTable {
  package_name: PackageName
  archive_key: string
  dist_type: string
  /** The one that named it. */
  document: DocumentName
  sha256: Sha256
  /** The document's newest bytes name it … */
  named: boolean
  /** … and upstream, when asked last, didn't say that there is no such document … */
  missing: boolean
  /** … nor that it no longer has the archive. */
  lost: boolean
  /** Upstream has put other bytes in its place; lock files may name it by its SHA-1. */
  replaced: boolean
  /** Metadata names it by its SHA-1, or did; null: stored by a release that didn't record it. */
  by_sha1: boolean | null
}

export interface PackageFreezeTable {
  package_name: PackageName
  /** Event that began it. */
  position: bigint
  /** The package is served as it was then. */
  at: Instant
  frozen_at: Instant
  actor: string
  reason: string | null
  /** Event that ended it; null: it is in force. */
  unfrozen_position: bigint | null
}

/** Upstream's, or the operator's own. */
type RuleList = 'malware' | 'own'

export interface VersionRuleTable {
  package_name: PackageName
  list: RuleList
  /** Event that made it. */
  position: bigint
  /** Among those that the event made. */
  entry: number
  /** It is in the newest document of the package, and not in the summary of upstream's lists. */
  from_document: boolean
  constraint: string
  reason: string | null
  /** Upstream's, of an entry of a list. */
  url: string | null
  id: string | null
  source: string | null
  /** null: upstream. */
  actor: string | null
  since: Instant
}

export interface RuledPackageTable {
  package_name: PackageName
}

export interface OtherFilterListTable {
  package_name: PackageName
  /** JSON text of FilterLists: those beside malware that the newest document has. */
  lists: string
}

export interface AlertTable {
  /** Of the event that opened it. */
  id: string
  code: AlertCode
  subject: string
  /** Tells one reason for such an alert from another. */
  cause: string
  /** Where a tag was before it moved; null for all other codes. */
  moved_from: string | null
  detail: string
  first_seen_at: Instant
  last_seen_at: Instant
  count: number
  /** What it is about isn't known to be over, though somebody may have closed it. */
  lasting: boolean
  resolved_at: Instant | null
  acknowledged_at: Instant | null
  acknowledged_by: string | null
}

export interface PrivateReservedTable {
  /** `acme`, or `acme/log` of a vendor that was opened. */
  pattern: string
}

export interface PrivateVersionTable {
  package_name: PackageName
  version_normalized: string
  /** Of its archive. */
  sha256: Sha256
  version: string
  sha1: string
  size_bytes: bigint
  /** Event that published it last. */
  position: bigint
  published_at: Instant
  published_by: string
  /** false: withdrawn, or a state that a branch has moved on from. */
  served: boolean
}

export interface InstallTable {
  package_name: PackageName
  /** `2026-06-01`, UTC. */
  day: string
  version_normalized: string
  actor: string
  count: bigint
  last_at: Instant
}

export interface PrivateListingTable {
  package_name: PackageName
  /** Of its branches, else of its tags. */
  branches: boolean
  /** Event that made it so. */
  position: bigint
  /** JSON; null: it has no version. */
  facts: string | null
}

export interface PrivateDocumentTable {
  document: DocumentName
  /** Event that made this state. */
  position: bigint
  recorded_at: Instant
  sha256: Sha256
}

export interface TokenTable {
  token_id: string
  /** Of what is shown for it. */
  sha256: string
  name: string
  /** JSON text: the client is set not to parse it. */
  grants: string
  issued_at: Instant
  issued_by: string
  /** null: it counts until it is revoked. */
  expires_at: Instant | null
  revoked_at: Instant | null
  /** The token that takes its place. */
  replaced_by: string | null
  last_used_at: Instant | null
  use_count: bigint
}
