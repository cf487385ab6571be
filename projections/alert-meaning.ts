import { createHash } from 'node:crypto'
import type { AlertCode } from '../src/alerts/codes.ts'
import { parseConstraint } from '../src/composer/constraints.ts'
import type { MalwareList } from '../src/composer/malware-list.ts'
import {
  documentInWords,
  type DocumentName,
  filterSummary,
  packageOfDocument,
} from '../src/composer/names.ts'
import type { RecordedEvent } from '../src/events/types.ts'
import { archiveId } from './archive.ts'

/** There is one alert at a time of this name. */
export interface AlertName {
  readonly code: AlertCode
  readonly subject: string
}

export interface Sighting extends AlertName {
  /** Tells one reason for such an alert from another. */
  readonly cause: string
  readonly movedFrom?: string
  /** Sentences in our own words: what upstream wrote is not for an operator's alerts. */
  readonly detail: string
}

/** What an event means to alerts: first which it ends, then what somebody should look at. */
export interface Meaning {
  readonly ends?: readonly AlertName[]
  readonly sees?: Sighting | undefined
}

type EventOf<Type extends RecordedEvent['type']> = Extract<RecordedEvent, { readonly type: Type }>

/** As far as the event alone tells. Pure. */
export function meaningOf(event: RecordedEvent): Meaning {
  return (
    ofMetadata(event) ??
    ofBlock(event) ??
    ofWanted(event) ??
    ofArchive(event) ??
    ofCondition(event) ??
    {}
  )
}

function isRefusal({ data }: EventOf<'MetadataFetchFailed'>): boolean {
  return data.reason === 'invalid_document' || data.reason === 'too_large'
}

function ofMetadata(event: RecordedEvent): Meaning | undefined {
  if (event.type === 'MetadataChanged' || event.type === 'MetadataConfirmed') return ofAnswer(event)
  if (event.type === 'MetadataFetchFailed') {
    if (!isRefusal(event)) return undefined
    const { document: subject, problem = 'it is no such document' } = event.data
    const detail = `Upstream sent something for ${documentInWords(subject)} that can't be served: ${problem}.`
    return { sees: { code: 'document_refused', subject, cause: '', detail } }
  }
  if (event.type !== 'VersionWithdrawn') return undefined
  const { document, version } = event.data
  // Branches come and go.
  if (packageOfDocument(document)?.kind !== 'tags') return undefined
  const detail = `Upstream no longer offers ${shown(version)} of ${documentInWords(document)}.`
  return { sees: { code: 'version_withdrawn', subject: versionOf(event.data), cause: '', detail } }
}

/** How alerts name a version. */
export function versionOf({
  document,
  version,
}: {
  readonly document: DocumentName
  readonly version: string
}): string {
  return `${document} ${shown(version)}`
}

/** What upstream wrote, as it can be stored and printed. */
export function shown(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cs}]/gu, '\u{FFFD}')
}

/** Upstream gave a document that is one; some of its versions may not be. */
function ofAnswer(event: EventOf<'MetadataChanged' | 'MetadataConfirmed'>): Meaning {
  const { document: subject, lastModified, rejectedVersions = [] } = event.data
  const good = { code: 'document_refused', subject } as const
  const about = { code: 'versions_left_out', subject } as const
  if (rejectedVersions.length > 0) {
    const names = rejectedVersions.map(({ version }) => version)
    const cause = createHash('sha256').update(JSON.stringify(names)).digest('hex')
    const what = names.length === 1 ? 'One version' : `${names.length} versions`
    const detail = `${what} of ${documentInWords(subject)} left out: Composer could not load it, or it is of another package.`
    return { ends: [good], sees: { ...about, cause, detail } }
  }
  // "Not modified" has no date: what was left out is still so.
  const isWhole = event.type === 'MetadataChanged' || lastModified !== undefined
  return { ends: isWhole ? [good, about] : [good] }
}

/** A constraint that a former release could read, and this one can't. */
function ofBlock(event: RecordedEvent): Meaning | undefined {
  if (event.type !== 'VersionsBlocked' && event.type !== 'VersionsUnblocked') return undefined
  const { packageName: subject, constraint: cause } = event.data
  const about = { code: 'constraint_unreadable', subject } as const
  const isReadable = cause !== undefined && parseConstraint(cause) !== undefined
  if (event.type === 'VersionsUnblocked') {
    const wanted = { code: 'blocked_wanted', subject } as const
    return { ends: isReadable ? [wanted] : [about, wanted] }
  }
  if (isReadable || cause === undefined) return {}
  const detail = `What is blocked of ${subject} cannot be read, so all of its versions are.`
  return { sees: { ...about, cause, detail } }
}

/** One a package, which is acknowledged for the day. */
function ofWanted(event: RecordedEvent): Meaning | undefined {
  if (event.type !== 'BlockedArchiveWanted') return undefined
  const { packageName: subject, versionNormalized, actor, tokenName, requestId } = event.data
  const named = tokenName === undefined ? '' : ` (${shown(tokenName)})`
  const who = actor === 'anonymous' ? 'somebody without a token' : `${actor}${named}`
  const request = requestId === undefined ? '' : `, in the request ${requestId}`
  const detail = `The blocked version ${shown(versionNormalized)} of ${subject} was asked for by ${who}${request}.`
  const cause = event.recordedAt.slice(0, 'YYYY-MM-DD'.length)
  return { sees: { code: 'blocked_wanted', subject, cause, detail } }
}

const packagesNamedMax = 5

/** Of upstream's lists, which constraints can't be read. */
export function ofMalwareList(list: MalwareList | undefined): Meaning {
  const about = { code: 'constraint_unreadable', subject: filterSummary } as const
  const unreadable = list?.unreadable ?? []
  if (unreadable.length === 0) return { ends: [about] }
  const cause = createHash('sha256').update(JSON.stringify(unreadable)).digest('hex')
  const others = unreadable.length - packagesNamedMax
  const named = unreadable.slice(0, packagesNamedMax).join(', ')
  const packages = others > 0 ? `${named} and ${others} more` : named
  const detail = `Upstream's list says in a way that cannot be read which versions are malware, so all are, of: ${packages}.`
  return { sees: { ...about, cause, detail } }
}

/** Of the document of a package, in which lists constraints can't be read. */
export function ofFilter(event: RecordedEvent): Meaning {
  if (event.type !== 'MetadataChanged' && event.type !== 'MetadataConfirmed') return {}
  const { document, lastModified, unreadableLists = [] } = event.data
  const about = { code: 'constraint_unreadable', subject: `${document} filter` } as const
  if (unreadableLists.length > 0) {
    const cause = createHash('sha256').update(JSON.stringify(unreadableLists)).digest('hex')
    const detail = `Upstream's document of ${documentInWords(document)} says in a way that cannot be read which versions are on a list, so all are.`
    return { sees: { ...about, cause, detail } }
  }
  // "Not modified" has no date: what can't be read is still there.
  const isWhole = event.type === 'MetadataChanged' || lastModified !== undefined
  return isWhole ? { ends: [about] } : {}
}

function ofArchive(event: RecordedEvent): Meaning | undefined {
  if (event.type === 'ArchiveEvicted' && event.data.reason === 'corrupt') {
    const { sha256: subject, sizeBytes } = event.data
    const detail = `A stored archive of ${sizeBytes} bytes did not match its SHA-256 and was removed.`
    return { sees: { code: 'archive_corrupt', subject, cause: '', detail } }
  }
  if (event.type === 'ArchiveDiffered') {
    const { versionNormalized, upstreamTreeSha256: cause } = event.data
    const detail = `Upstream offers other files for ${shown(versionNormalized)} under the same reference.`
    return { sees: { ...differing(event), cause, detail } }
  }
  if (event.type === 'ArchiveStored') {
    return { ends: [differing(event), { code: 'archive_corrupt', subject: event.data.sha256 }] }
  }
  const isOver =
    event.type === 'ArchiveConfirmed' ||
    event.type === 'ArchiveMissing' ||
    event.type === 'ArchiveAccepted'
  return isOver ? { ends: [differing(event)] } : undefined
}

/** By the commit, whichever version names it. */
function differing({
  data,
}: EventOf<
  'ArchiveDiffered' | 'ArchiveStored' | 'ArchiveConfirmed' | 'ArchiveMissing' | 'ArchiveAccepted'
>): AlertName {
  const { package_name, archive_key, dist_type } = archiveId(data)
  return { code: 'archive_differs', subject: `${package_name} ${archive_key}.${dist_type}` }
}

function ofCondition(event: RecordedEvent): Meaning | undefined {
  if (event.type === 'AlertOpened' || event.type === 'AlertContinued') {
    return { sees: { ...event.data, cause: '' } }
  }
  return event.type === 'AlertResolved' ? { ends: [event.data] } : undefined
}
