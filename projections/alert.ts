import { sql } from 'kysely'
import type { StoredAlert } from '../src/alerts/alert.ts'
import { isCondition } from '../src/alerts/codes.ts'
import { documentInWords, filterSummary } from '../src/composer/names.ts'
import type { Tx } from '../src/database/schema.ts'
import type { RecordedEvent } from '../src/events/types.ts'
import type { Projection, ProjectionSources } from '../src/projector/projection.ts'
import {
  type AlertName,
  type Meaning,
  meaningOf,
  ofFilter,
  ofMalwareList,
  shown,
  type Sighting,
  versionOf,
} from './alert-meaning.ts'

/**
 * What somebody should look at: opened by one fact, resolved by the one that undoes it, and counted
 * when the first comes again meanwhile.
 *
 * There is one alert for each (code, subject) as long as its cause lasts. Somebody may close it before
 * by acknowledging it: then the same cause stays quiet, and another one opens a new alert.
 */
export const alert: Projection = {
  name: 'alert',
  version: 4,

  async createTables(tx) {
    await sql`
      create table alert (
        id              uuid        primary key,
        code            text        not null,
        subject         text        not null,
        cause           text        not null,
        moved_from      text,
        detail          text        not null,
        first_seen_at   timestamptz not null,
        last_seen_at    timestamptz not null,
        count           int         not null,
        lasting         boolean     not null,
        resolved_at     timestamptz,
        acknowledged_at timestamptz,
        acknowledged_by text,
        check (lasting or resolved_at is not null),
        check ((acknowledged_at is null) = (acknowledged_by is null))
      )`.execute(tx)
    await sql`create unique index alert_lasting on alert (code, subject) where lasting`.execute(tx)
    await sql`create index alert_first_seen_at on alert (first_seen_at)`.execute(tx)
    await sql`create index alert_resolved_at on alert (resolved_at)`.execute(tx)
  },

  async apply(tx, event, sources) {
    if (event.type === 'AlertAcknowledged') await acknowledge(tx, event)
    else if (event.type === 'ReferenceMoved') await followMove(tx, event)
    else await follow(tx, event)
    if (event.type === 'MetadataChanged') await followContent(tx, event, sources)
  },
}

type EventOf<Type extends RecordedEvent['type']> = Extract<RecordedEvent, { readonly type: Type }>

async function follow(tx: Tx, event: RecordedEvent): Promise<void> {
  await applyMeaning(tx, event, meaningOf(event))
  await applyMeaning(tx, event, ofFilter(event))
}

async function applyMeaning(
  tx: Tx,
  event: RecordedEvent,
  { ends = [], sees }: Meaning,
): Promise<void> {
  for (const name of ends) await end(tx, event, name)
  if (sees !== undefined) await see(tx, event, sees)
}

/** A tag that goes back to where it was is right again. */
async function followMove(tx: Tx, event: EventOf<'ReferenceMoved'>): Promise<void> {
  const { document } = event.data
  const version = shown(event.data.version)
  const from = shown(event.data.from)
  const to = shown(event.data.to)
  const about = { code: 'reference_moved', subject: versionOf(event.data) } as const
  const before = await lastingAlert(tx, about)
  if (before?.moved_from === to) await end(tx, event, about)
  else
    await see(tx, event, {
      ...about,
      cause: to,
      movedFrom: from,
      detail: `${version} of ${documentInWords(document)} was the commit ${from} and is ${to} now.`,
    })
}

async function followContent(
  tx: Tx,
  event: EventOf<'MetadataChanged'>,
  sources: ProjectionSources,
): Promise<void> {
  const { document, sha256 } = event.data
  if (document !== filterSummary) return await followReturn(tx, event, sources)
  const list = await sources.digest('malware', await sources.snapshot(sha256), undefined)
  await applyMeaning(tx, event, ofMalwareList(list))
}

/** Withdrawn versions that the document has again. */
async function followReturn(
  tx: Tx,
  event: EventOf<'MetadataChanged'>,
  sources: ProjectionSources,
): Promise<void> {
  const { document, sha256 } = event.data
  const withdrawn = await tx
    .selectFrom('alert')
    .select('subject')
    .where('code', '=', 'version_withdrawn')
    .where('lasting', '=', true)
    .where(sql<boolean>`starts_with(subject, ${`${document} `})`)
    .execute()
  if (withdrawn.length === 0) return
  const versions = await sources.digest('versions', await sources.snapshot(sha256), document)
  const there = new Set(
    [...(versions?.keys() ?? [])].map((version) => versionOf({ document, version })),
  )
  for (const { subject } of withdrawn) {
    if (there.has(subject)) await end(tx, event, { code: 'version_withdrawn', subject })
  }
}

async function lastingAlert(
  tx: Tx,
  { code, subject }: AlertName,
): Promise<StoredAlert | undefined> {
  return await tx
    .selectFrom('alert')
    .selectAll()
    .where('code', '=', code)
    .where('subject', '=', subject)
    .where('lasting', '=', true)
    .executeTakeFirst()
}

async function see(tx: Tx, { id, recordedAt }: RecordedEvent, sighting: Sighting): Promise<void> {
  const { code, subject, cause, movedFrom = null, detail } = sighting
  const before = await lastingAlert(tx, sighting)
  const isSame = before !== undefined && (before.resolved_at === null || before.cause === cause)
  if (before !== undefined) {
    const seenAgain = { last_seen_at: recordedAt, count: before.count + 1, cause, detail }
    await tx
      .updateTable('alert')
      .set(isSame ? seenAgain : { lasting: false })
      .where('id', '=', before.id)
      .execute()
  }
  if (isSame) return
  const seen = { first_seen_at: recordedAt, last_seen_at: recordedAt, count: 1 }
  const open = { lasting: true, resolved_at: null, acknowledged_at: null, acknowledged_by: null }
  await tx
    .insertInto('alert')
    .values({ id, code, subject, cause, moved_from: movedFrom, detail, ...seen, ...open })
    .execute()
}

async function end(
  tx: Tx,
  { recordedAt }: RecordedEvent,
  { code, subject }: AlertName,
): Promise<void> {
  await sql`
    update alert set lasting = false, resolved_at = coalesce(resolved_at, ${recordedAt})
    where code = ${code} and subject = ${subject} and lasting`.execute(tx)
}

/** Closes what a single fact opened; a condition is over when it is seen to be. */
async function acknowledge(tx: Tx, event: EventOf<'AlertAcknowledged'>): Promise<void> {
  const { recordedAt, data } = event
  const found = await tx
    .selectFrom('alert')
    .select(['code', 'resolved_at'])
    .where('id', '=', data.id)
    .where('acknowledged_at', 'is', null)
    .executeTakeFirst()
  if (found === undefined) return
  const resolved_at = found.resolved_at ?? (isCondition(found.code) ? null : recordedAt)
  await tx
    .updateTable('alert')
    .set({ acknowledged_at: recordedAt, acknowledged_by: data.actor, resolved_at })
    .where('id', '=', data.id)
    .execute()
}
