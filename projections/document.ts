import { sql } from 'kysely'
import type { DocumentName } from '../src/composer/names.ts'
import type { UnseenChange } from '../src/database/read-models.ts'
import type { Database, Tx } from '../src/database/schema.ts'
import type { RecordedEvent } from '../src/events/types.ts'
import type { Projection } from '../src/projector/projection.ts'
import { addSeconds, type Instant, msOfInstant } from '../src/time-machine/instant.ts'
import { possibleDate } from '../src/time-machine/possible-date.ts'
import { servedDate } from '../src/time-machine/served-date.ts'
import { applyFeedRead, settleState } from './document-feed.ts'
import { isPurged, type PurgeScope } from './document-queries.ts'
import { createDocumentTables } from './document-tables.ts'

/** One row of what is known of a document now. */
type Row = Readonly<Database['document_current']>

/** A document that was there counts as gone only after so many answers of "no such" in a row … */
const missingChecksToBeGone = 3
/** … spread over at least this time: an edge server that has lost a file is no deletion. */
const missingMsToBeGone = 15 * 60_000
/** An edge server is behind for seconds; one that is for this long dates its files in another way. */
const edgeLagSecondsMax = 15 * 60

/**
 * Each document now, and every state it was seen in, by the position from which on it held. What the
 * change feed verifies isn't written to the rows of all documents: it is one row, which the queries
 * take into account (document-queries.ts).
 */
export const document: Projection = {
  name: 'document',
  version: 8,

  createTables: createDocumentTables,

  async apply(tx, event) {
    if (event.type === 'ChangeFeedRead') await applyFeedRead(tx, event)
    else if (event.type === 'CachePurged') await purge(tx, event.data)
    else if (event.type === 'VendorOpened') await doubtVendor(tx, event)
    else if (isAboutDocument(event)) await applyToDocument(tx, event)
  },
}

/** What upstream said of a document, and not of what it names. */
type DocumentEvent = Exclude<
  Extract<RecordedEvent, { readonly data: { readonly document: DocumentName } }>,
  { readonly type: 'AdvisoriesDated' }
>
type AnswerEvent = Extract<
  DocumentEvent,
  { readonly type: 'MetadataChanged' | 'MetadataConfirmed' }
>

type FetchFailed = Extract<DocumentEvent, { readonly type: 'MetadataFetchFailed' }>['data']

function isAboutDocument(event: RecordedEvent): event is DocumentEvent {
  return 'document' in event.data && event.type !== 'AdvisoriesDated'
}

async function applyToDocument(tx: Tx, event: DocumentEvent): Promise<void> {
  const name = event.data.document
  const before = (await readRow(tx, name)) ?? unknown(name)
  const next = withUnseenChange(after(before, event), event)
  const isNewState =
    next.sha256 !== before.sha256 || next.gone !== before.gone || isBack(before, event)
  const row = {
    ...next,
    stream_version: event.version,
    state_position: isNewState ? event.position : before.state_position,
  }
  // From here on the feed's word no longer goes to the state that was.
  if (isNewState || event.type === 'MetadataMissing') {
    await settleState(tx, name, isNewState ? next.last_modified : null)
  }
  await tx
    .insertInto('document_current')
    .values(row)
    .onConflict((conflict) => conflict.column('document').doUpdateSet(row))
    .execute()
  if (isNewState) await beginState(tx, event, row)
  else if (confirms(event, row)) await extendState(tx, event, row)
}

/**
 * Whether upstream has the same bytes since a later date. It may have had others in between: so this is a state
 * of its own, and the time between is in neither.
 */
function isBack({ last_modified }: Row, event: DocumentEvent): boolean {
  if (event.type !== 'MetadataConfirmed' || last_modified === null) return false
  const lastModified = lastModifiedIn(event)
  return lastModified !== undefined && lastModified > last_modified
}

/** Upstream's date of its answer, if it gave one that can be. */
function lastModifiedIn({ data, recordedAt }: AnswerEvent): Instant | undefined {
  return possibleDate(data.lastModified, recordedAt)
}

/** Whatever verified them before, the feed included, counts no more. */
async function purge(tx: Tx, scope: PurgeScope): Promise<void> {
  await tx.updateTable('document_current').set({ purged: true }).where(isPurged(scope)).execute()
}

type VendorOpened = Extract<RecordedEvent, { readonly type: 'VendorOpened' }>

/**
 * As long as a vendor is reserved, nothing of it is fetched, nor is what the feed tells of it noted: its documents are
 * asked for again, and until then only what upstream itself last said counts.
 */
async function doubtVendor(tx: Tx, { data, recordedAt }: VendorOpened): Promise<void> {
  await tx
    .updateTable('document_current')
    .set({
      purged: true,
      unseen_change: 'resync',
      unseen_change_at: recordedAt,
      unseen_since: recordedAt,
    })
    .where(sql<boolean>`starts_with(document, ${`${data.vendor}/`})`)
    .execute()
}

async function readRow(tx: Tx, name: DocumentName): Promise<Row | undefined> {
  return await tx
    .selectFrom('document_current')
    .selectAll()
    .where('document', '=', name)
    .executeTakeFirst()
}

function unknown(name: DocumentName): Row {
  return {
    document: name,
    stream_version: 0,
    sha256: null,
    last_modified: null,
    served_last_modified: null,
    checked_at: null,
    missing_since: null,
    missing_checks: 0,
    gone: false,
    failed_at: null,
    failed_cause: null,
    failed_status: null,
    refused_sha256: null,
    refused_problem: null,
    refused_inspection: null,
    unseen_change: null,
    unseen_change_at: null,
    unseen_since: null,
    purged: false,
    state_position: null,
  }
}

const isAnswering = { failed_at: null, failed_cause: null, failed_status: null } as const

const isThere = {
  missing_since: null,
  missing_checks: 0,
  gone: false,
  ...isAnswering,
  purged: false,
} as const

function after(before: Row, event: DocumentEvent): Row {
  const checked_at = event.data.fetchedAt
  switch (event.type) {
    case 'MetadataChanged': {
      const lastModified = lastModifiedIn(event)
      return {
        ...before,
        ...isThere,
        checked_at,
        sha256: event.data.sha256,
        last_modified: lastModified ?? null,
        served_last_modified: servedDate(lastModified ?? checked_at, before.served_last_modified),
      }
    }
    case 'MetadataConfirmed':
      return {
        ...before,
        ...isThere,
        checked_at,
        last_modified: lastModifiedIn(event) ?? before.last_modified,
      }
    case 'MetadataMissing':
      return {
        ...before,
        ...afterMissing(before, checked_at),
        checked_at,
        ...isAnswering,
        purged: false,
      }
    case 'MetadataFetchFailed':
      return { ...before, ...failureIn(event.data), ...refusalIn(event.data) }
    case 'ReferenceMoved':
    case 'VersionWithdrawn':
      return before // they only say what the change before them meant
    default:
      return event satisfies never
  }
}

function failureIn({
  fetchedAt,
  reason,
  cause = reason,
  status,
}: FetchFailed): Pick<Row, keyof typeof isAnswering> {
  return { failed_at: fetchedAt, failed_cause: cause, failed_status: status ?? null }
}

/** Good bodies in between don't make it be forgotten: an edge server that is behind sends it again. */
function refusalIn({ refusedSha256, problem, inspection }: FetchFailed): Partial<Row> {
  if (refusedSha256 === undefined || problem === undefined || inspection === undefined) return {}
  return { refused_sha256: refusedSha256, refused_problem: problem, refused_inspection: inspection }
}

function afterMissing(
  before: Row,
  at: Instant,
): Pick<Row, 'missing_since' | 'missing_checks' | 'gone'> {
  const missing_since = before.missing_since ?? at
  const missing_checks = before.missing_checks + 1
  const confirmed =
    before.unseen_change === 'delete' ||
    (missing_checks >= missingChecksToBeGone &&
      msOfInstant(at) - msOfInstant(missing_since) >= missingMsToBeGone)
  const wasThere = before.sha256 !== null && !before.gone
  return { missing_since, missing_checks, gone: !wasThere || confirmed }
}

function withUnseenChange(row: Row, event: DocumentEvent): Row {
  if (!hasSeenChange(row, event)) return row
  return { ...row, unseen_change: null, unseen_change_at: null, unseen_since: null }
}

/** Whether upstream's answer was given with the change that the feed told of. */
function hasSeenChange(row: Row, { type, data }: DocumentEvent): boolean {
  const noted = notedChange(row)
  if (noted === undefined) return false
  const isLate = data.fetchedAt >= addSeconds(noted.since, edgeLagSecondsMax)
  // As long as "no such" isn't believed it is asked for again, though nobody wants to have it.
  if (type === 'MetadataMissing') return row.gone && (noted.change !== 'update' || isLate)
  if (type !== 'MetadataChanged' && type !== 'MetadataConfirmed') return false
  if (noted.change === 'resync') return data.fetchedAt >= noted.since
  if (isLate) return true
  return row.last_modified === null ? data.fetchedAt >= noted.since : row.last_modified >= noted.at
}

function notedChange(row: Row): { change: UnseenChange; at: Instant; since: Instant } | undefined {
  const { unseen_change: change, unseen_change_at: at, unseen_since: since } = row
  return change === null || at === null || since === null ? undefined : { change, at, since }
}

/** Whether upstream said that nothing has changed: the bytes are the same, or there still are none. */
function confirms({ type }: DocumentEvent, { gone, unseen_change }: Row): boolean {
  // An edge server that is behind the feed confirms what it has, not what upstream has.
  if (unseen_change !== null) return false
  return type === 'MetadataConfirmed' || (type === 'MetadataMissing' && gone)
}

async function beginState(tx: Tx, event: DocumentEvent, row: Row): Promise<void> {
  const { fetchedAt } = event.data
  const { unseen_change_at: changedAt } = row
  await tx
    .insertInto('document_history')
    .values({
      document: row.document,
      position: event.position,
      recorded_at: event.recordedAt,
      sha256: row.gone ? null : row.sha256,
      last_modified: row.gone ? null : row.last_modified,
      served_last_modified: row.gone ? null : row.served_last_modified,
      verified_until: changedAt !== null && changedAt < fetchedAt ? changedAt : fetchedAt,
    })
    .execute()
}

async function extendState(tx: Tx, { data }: DocumentEvent, row: Row): Promise<void> {
  await sql`
    update document_history set verified_until = greatest(verified_until, ${data.fetchedAt})
    where document = ${row.document} and position = ${row.state_position}`.execute(tx)
}
