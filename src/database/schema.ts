import type { Generated, Kysely, Transaction } from 'kysely'
import type { NameListProblem } from '../composer/name-list.ts'
import type { DocumentName, PackageName } from '../composer/names.ts'
import type { Sha256 } from '../events/types.ts'
import type { Instant } from '../time-machine/instant.ts'
import type {
  AlertTable,
  BareVersionTable,
  ArchiveTable,
  BlobSourceTable,
  BlobUseTable,
  BlobUseTotalTable,
  DocumentCurrentTable,
  DocumentDigestTable,
  DocumentFeedTable,
  DocumentHistoryTable,
  FeedNamedPackageTable,
  FormerShasumTable,
  PackageFreezeTable,
  PackageReferenceTable,
  InstallTable,
  PrivateDocumentTable,
  PrivateListingTable,
  PrivateReservedTable,
  PrivateVersionTable,
  OtherFilterListTable,
  RuledPackageTable,
  TokenTable,
  UsageCountTable,
  UsageLatencyTable,
  UsagePackageTable,
  VersionRuleTable,
} from './read-models.ts'

/** Tables as a migrated database has them; a test compares the names. */
export interface Database {
  event: EventTable
  snapshot: SnapshotTable
  blob: BlobTable
  blob_quarantine: BlobQuarantineTable
  precious_blob: PreciousBlobTable
  projection_checkpoint: ProjectionCheckpointTable
  admin_token: AdminTokenTable
  job_lease: JobLeaseTable
  overlaid_date: OverlaidDateTable
  alert_delivery: AlertDeliveryTable
  name_list: NameListTable
  advisories_known: AdvisoriesKnownTable
  // Read models: each in the schema of its projection, which creates it.
  document_current: DocumentCurrentTable
  document_history: DocumentHistoryTable
  document_feed: DocumentFeedTable
  document_digest: DocumentDigestTable
  feed_named_package: FeedNamedPackageTable
  package_reference: PackageReferenceTable
  former_shasum: FormerShasumTable
  bare_version: BareVersionTable
  archive: ArchiveTable
  blob_use: BlobUseTable
  blob_use_total: BlobUseTotalTable
  blob_source: BlobSourceTable
  usage_count: UsageCountTable
  usage_latency: UsageLatencyTable
  usage_package: UsagePackageTable
  package_freeze: PackageFreezeTable
  version_rule: VersionRuleTable
  ruled_package: RuledPackageTable
  other_filter_list: OtherFilterListTable
  alert: AlertTable
  private_reserved: PrivateReservedTable
  private_version: PrivateVersionTable
  private_document: PrivateDocumentTable
  install: InstallTable
  private_listing: PrivateListingTable
  token: TokenTable
}

interface EventTable {
  readonly position: bigint
  readonly stream: string
  readonly version: number
  readonly id: string
  readonly type: string
  /** JSON text: the client is set not to parse it. */
  readonly data: string
  readonly recorded_at: Instant
}

interface SnapshotTable {
  readonly sha256: Sha256
  readonly size_bytes: number
  readonly base_sha256: Sha256 | null
  readonly depth: number
  readonly prefix_bytes: number
  readonly suffix_bytes: number
  readonly deflated: Buffer
}

interface BlobTable {
  readonly sha256: Sha256
  readonly oid: number
  readonly size_bytes: bigint
  /** When it was last put. */
  stored_at: Instant
  /** When its bytes were last known to be right. */
  scrubbed_at: Instant
}

interface BlobQuarantineTable {
  readonly oid: number
  readonly sha256: Sha256
  readonly size_bytes: bigint
  readonly quarantined_at: Instant
  readonly problem: string
}

interface PreciousBlobTable {
  readonly sha256: Sha256
  /** When it was last put. */
  named_at: Instant
}

interface ProjectionCheckpointTable {
  schema_name: string
  position: bigint
}

interface AdminTokenTable {
  one: Generated<boolean>
  sha256: string
}

interface JobLeaseTable {
  name: string
  holder: string
  expires_at: Instant
}

interface OverlaidDateTable {
  document: DocumentName
  /** Of the bytes that were sent. */
  digest: string
  /** Whole seconds. */
  date: Instant
}

interface AlertDeliveryTable {
  id: string
  alert_id: string
  /** When the alert opened or was resolved. */
  at: Instant
  body: string
  failures: number
  next_try_at: Instant
  /** When it was delivered, or given up. */
  ended_at: Instant | null
}

interface AdvisoriesKnownTable {
  readonly upstream: string
  readonly package_name: PackageName
  readonly advisories: string
  readonly size_bytes: number
  readonly learned_at: Instant
}

interface NameListTable {
  readonly id: string
  readonly stream: string
  readonly url: string
  readonly fetched_at: Instant
  readonly problem: NameListProblem | null
  readonly names: number
  readonly salt: string
  readonly hashes: Buffer
  lacking: readonly PackageName[]
}

export type Db = Kysely<Database>
export type Tx = Transaction<Database>
