import type { DomainEvent } from './types.ts'

export type ReadModelName =
  | 'alert'
  | 'archive'
  | 'blob_use'
  | 'document'
  | 'document_digest'
  | 'freeze'
  | 'install'
  | 'package_reference'
  | 'private_listing'
  | 'private_package'
  | 'token'
  | 'usage'
  | 'version_rule'

interface Concern {
  /** The read models that are folded from it; the others never see it. */
  readonly readModels: readonly ReadModelName[]
  /** There when it comes all the time and no answer kept in memory depends on it. */
  readonly changesNoAnswer?: true
}

/** What each type of event concerns. A new one doesn't compile until it has its line here. */
const concernByType: Readonly<Record<DomainEvent['type'], Concern>> = {
  MetadataChanged: {
    readModels: [
      'document',
      'document_digest',
      'package_reference',
      'blob_use',
      'version_rule',
      'alert',
    ],
  },
  MetadataConfirmed: { readModels: ['document', 'blob_use', 'alert'], changesNoAnswer: true },
  MetadataMissing: { readModels: ['document', 'blob_use'] },
  MetadataFetchFailed: { readModels: ['document', 'alert'], changesNoAnswer: true },
  ReferenceMoved: { readModels: ['document', 'alert'] },
  VersionWithdrawn: { readModels: ['document', 'alert'] },
  AdvisoriesDated: { readModels: [] },
  ChangeFeedRead: { readModels: ['document'], changesNoAnswer: true },
  CachePurged: { readModels: ['document', 'archive'] },
  ArchiveStored: { readModels: ['archive', 'blob_use', 'alert'] },
  ArchiveConfirmed: { readModels: ['archive', 'blob_use', 'alert'] },
  ArchiveDiffered: { readModels: ['archive', 'alert'] },
  ArchiveAccepted: { readModels: ['archive', 'alert'] },
  ArchiveMissing: { readModels: ['archive', 'blob_use', 'alert'] },
  ArchivesAccessed: { readModels: ['blob_use'], changesNoAnswer: true },
  ArchiveEvicted: { readModels: ['archive', 'blob_use', 'usage', 'alert'] },
  PackageFrozen: { readModels: ['freeze', 'blob_use'] },
  PackageUnfrozen: { readModels: ['freeze', 'blob_use'] },
  VersionsBlocked: { readModels: ['version_rule', 'alert'] },
  VersionsUnblocked: { readModels: ['version_rule', 'alert'] },
  BlockedArchiveWanted: { readModels: ['alert'], changesNoAnswer: true },
  AlertOpened: { readModels: ['alert'], changesNoAnswer: true },
  AlertContinued: { readModels: ['alert'], changesNoAnswer: true },
  AlertResolved: { readModels: ['alert'], changesNoAnswer: true },
  AlertAcknowledged: { readModels: ['alert'], changesNoAnswer: true },
  PrivateVersionPublished: { readModels: ['private_package', 'private_listing'] },
  PrivateVersionWithdrawn: { readModels: ['private_package', 'private_listing'] },
  VendorOpened: { readModels: ['document', 'private_package'] },
  PackagesInstalled: { readModels: ['install'], changesNoAnswer: true },
  TokenIssued: { readModels: ['token'] },
  TokenRevoked: { readModels: ['token'] },
  TokensUsed: { readModels: ['token'], changesNoAnswer: true },
  UsageRecorded: { readModels: ['usage'], changesNoAnswer: true },
}

/** Whether the read model is folded from such events. */
export function isReadBy(readModel: string, type: DomainEvent['type']): boolean {
  return concernByType[type].readModels.some((name) => name === readModel)
}

/** Whether answers that are kept in memory may be others after such an event. */
export function changesAnswers(type: DomainEvent['type']): boolean {
  return concernByType[type].changesNoAnswer !== true
}
