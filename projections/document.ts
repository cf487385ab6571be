import { sql } from 'kysely'
import type { DocumentName } from '../src/composer/names.ts'
import type { Database, Db, Tx } from '../src/database/schema.ts'
import type { Position, RecordedEvent } from '../src/events/types.ts'
import type { Projection } from '../src/projector/projection.ts'
import {
  addSeconds,
  floorToSecond,
  type Instant,
  msOfInstant,
} from '../src/time-machine/instant.ts'

/** What is known of a document now. */
export type CurrentDocument = Readonly<Database['document_current']>
/** A state that a document was seen in; it holds until the next one of its document. */
export type DocumentState = Readonly<Database['document_history']>

/** A document that was there counts as gone only after so many answers of "no such" in a row … */
const missingChecksToBeGone = 3
/** … spread over at least this time: an edge server that has lost a file is no deletion. */
const missingMsToBeGone = 15 * 60_000

/** Each document now, and every state it was seen in, by the position from which on it held. */
export const document: Projection = {
  name: 'document',
  version: 1,

  async createTables(tx) {
    await sql`
      create table document_current (
        document             text        primary key,
        stream_version       int         not null,
        sha256               text,
        last_modified        timestamptz,
        served_last_modified timestamptz,
        checked_at           timestamptz,
        missing_since        timestamptz,
        missing_checks       int         not null,
        gone                 boolean     not null,
        failed_at            timestamptz,
        check ((sha256 is null) = (served_last_modified is null))
      )`.execute(tx)
    await sql`
      create table document_history (
        document             text        not null,
        position             bigint      not null,
        recorded_at          timestamptz not null,
        sha256               text,
        last_modified        timestamptz,
        served_last_modified timestamptz,
        verified_until       timestamptz not null,
        primary key (document, position),
        check ((sha256 is null) = (served_last_modified is null))
      )`.execute(tx)
  },

  async apply(tx, event) {
    if (!isAboutDocument(event)) return
    const before = (await readCurrentDocument(tx, event.data.document)) ?? unknown(event.data)
    const now = { ...next(before, event), stream_version: event.version }
    await tx
      .insertInto('document_current')
      .values(now)
      .onConflict((conflict) => conflict.column('document').doUpdateSet(now))
      .execute()
    if (now.sha256 !== before.sha256 || now.gone !== before.gone) await beginState(tx, event, now)
    else if (confirms(event, now)) await extendState(tx, event)
  },
}

type DocumentEvent = Extract<RecordedEvent, { readonly data: { readonly document: DocumentName } }>

function isAboutDocument(event: RecordedEvent): event is DocumentEvent {
  return 'document' in event.data
}

function unknown({ document: name }: { readonly document: DocumentName }): CurrentDocument {
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
  }
}

const isThere = { missing_since: null, missing_checks: 0, gone: false, failed_at: null } as const

function next(before: CurrentDocument, { type, data }: DocumentEvent): CurrentDocument {
  const checked_at = data.fetchedAt
  switch (type) {
    case 'MetadataChanged':
      return {
        ...before,
        ...isThere,
        checked_at,
        sha256: data.sha256,
        last_modified: data.lastModified ?? null,
        served_last_modified: servedLastModified(data, before.served_last_modified),
      }
    case 'MetadataConfirmed':
      return {
        ...before,
        ...isThere,
        checked_at,
        last_modified: data.lastModified ?? before.last_modified,
      }
    case 'MetadataMissing':
      return { ...before, ...afterMissing(before, checked_at), checked_at, failed_at: null }
    case 'MetadataFetchFailed':
      return { ...before, failed_at: data.fetchedAt }
    case 'ReferenceMoved':
    case 'VersionWithdrawn':
      return before // they only say what the change before them meant
    default:
      return type satisfies never
  }
}

/**
 * The `Last-Modified` that our clients see: upstream's, but at least a second after the one before,
 * since Composer revalidates by it alone and it has whole seconds only.
 */
function servedLastModified(
  changed: { readonly lastModified?: Instant | undefined; readonly fetchedAt: Instant },
  before: Instant | null,
): Instant {
  const upstreams = floorToSecond(changed.lastModified ?? changed.fetchedAt)
  if (before === null) return upstreams
  const least = addSeconds(before, 1)
  return upstreams > least ? upstreams : least
}

function afterMissing(
  before: CurrentDocument,
  at: Instant,
): Pick<CurrentDocument, 'missing_since' | 'missing_checks' | 'gone'> {
  const missing_since = before.missing_since ?? at
  const missing_checks = before.missing_checks + 1
  const confirmed =
    missing_checks >= missingChecksToBeGone &&
    msOfInstant(at) - msOfInstant(missing_since) >= missingMsToBeGone
  const wasThere = before.sha256 !== null && !before.gone
  return { missing_since, missing_checks, gone: !wasThere || confirmed }
}

/** Whether upstream said that nothing has changed: the bytes are the same, or there still are none. */
function confirms({ type }: DocumentEvent, now: CurrentDocument): boolean {
  return type === 'MetadataConfirmed' || (type === 'MetadataMissing' && now.gone)
}

async function beginState(tx: Tx, event: DocumentEvent, now: CurrentDocument): Promise<void> {
  await tx
    .insertInto('document_history')
    .values({
      document: now.document,
      position: event.position,
      recorded_at: event.recordedAt,
      sha256: now.gone ? null : now.sha256,
      last_modified: now.gone ? null : now.last_modified,
      served_last_modified: now.gone ? null : now.served_last_modified,
      verified_until: event.data.fetchedAt,
    })
    .execute()
}

async function extendState(tx: Tx, { data }: DocumentEvent): Promise<void> {
  await sql`
    update document_history set verified_until = greatest(verified_until, ${data.fetchedAt})
    where document = ${data.document} and position =
      (select max(position) from document_history where document = ${data.document})`.execute(tx)
}

/** Index: primary key; at most one row. */
export async function readCurrentDocument(
  db: Db | Tx,
  name: DocumentName,
): Promise<CurrentDocument | undefined> {
  return await db
    .selectFrom('document_current')
    .selectAll()
    .where('document', '=', name)
    .executeTakeFirst()
}

/**
 * The state of a document as of `position`, and the one that came after; either may not be there.
 *
 * Index: primary key (document, position); at most two rows.
 */
export async function readStatesAround(
  db: Db,
  name: DocumentName,
  position: Position,
): Promise<{ readonly at: DocumentState | undefined; readonly next: DocumentState | undefined }> {
  const states = db.selectFrom('document_history').selectAll().where('document', '=', name).limit(1)
  const [at, following] = await Promise.all([
    states.where('position', '<=', position).orderBy('position', 'desc').executeTakeFirst(),
    states.where('position', '>', position).orderBy('position').executeTakeFirst(),
  ])
  return { at, next: following }
}
