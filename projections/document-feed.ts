import { type RawBuilder, sql } from 'kysely'
import {
  documentName,
  type DocumentName,
  filterSummary,
  rootDocument,
} from '../src/composer/names.ts'
import { isOnePackage } from '../src/composer/vendor-patterns.ts'
import type { Tx } from '../src/database/schema.ts'
import type { RecordedEvent } from '../src/events/types.ts'
import type { Instant } from '../src/time-machine/instant.ts'
import { possibleDate } from '../src/time-machine/possible-date.ts'

/** What the feed says of one document. */
export interface NamedChange {
  readonly document: DocumentName
  readonly change: 'update' | 'delete'
  /** Since when upstream has it. */
  readonly changedAt: Instant
}

/** Until when the feed's word holds; null before its first. Of several feeds, the one followed last. */
export const feedReadAt = sql<Instant | null>`
  (select read_at from document_feed order by position desc limit 1)`

/** What no feed names. */
const ofNoPackage = sql`(${sql.lit(rootDocument)}, ${sql.lit(filterSummary)})`

/**
 * Whether the feed's word goes for the document `c`. Not for what is of no package; not before upstream's first answer, when there is nothing that could still be so; not while a change
 * hasn't been fetched; and not while upstream says "no such" of what the feed knows nothing of: one of
 * the two is wrong.
 */
export const isFollowed = sql<boolean>`
  (c.document not in ${ofNoPackage} and c.checked_at is not null and c.unseen_change is null
    and (c.missing_since is null or c.gone))`

/**
 * Whether the change `n` is news for the document `c`: neither fetched nor noted yet. By upstream's
 * dates alone, whatever its clock; a document without one is fetched again while pages overlap.
 */
export const isNews = sql<boolean>`
  (not (c.sha256 is not null and c.missing_since is null
        and c.last_modified is not null and c.last_modified >= n.changed_at)
    and not (c.gone and n.change = 'delete')
    and (c.unseen_change is null or c.unseen_change_at < n.changed_at
      or (c.unseen_change_at = n.changed_at and c.unseen_change <> n.change)))`

/** The changes as a table; of a document that is named twice, the last. */
export function tableOf(changes: readonly NamedChange[]): RawBuilder<unknown> {
  return sql`
    (select distinct on (document) document, change, changed_at
     from unnest(
       ${changes.map(({ document }) => document)}::text[],
       ${changes.map(({ change }) => change)}::text[],
       ${changes.map(({ changedAt }) => changedAt)}::timestamptz[]
     ) as named (document, change, changed_at)
     order by document, changed_at desc, change)`
}

/** Whether a document is of a reserved package. @param patterns of vendors and packages: see vendor-patterns.ts. */
export function isOfReserved(
  document: RawBuilder<unknown>,
  patterns: readonly string[],
): RawBuilder<boolean> {
  const packages = patterns.filter(isOnePackage)
  const vendors = patterns.filter((pattern) => !isOnePackage(pattern))
  const likes = vendors.map((pattern) => {
    return pattern.replaceAll('_', String.raw`\_`).replaceAll('*', '%')
  })
  return sql`
    (split_part(${document}, '/', 1) like any (${likes}::text[])
      or split_part(${document}, '~', 1) = any (${packages}::text[]))`
}

type ChangeFeedRead = Extract<RecordedEvent, { readonly type: 'ChangeFeedRead' }>

/** What a page names was verified until the page before; all else is, until this one. */
export async function applyFeedRead(tx: Tx, event: ChangeFeedRead): Promise<void> {
  const { feed, until, readAt, resync, changed, deleted, more, list = null } = event.data
  // Of a change without a date that can be, all that is known is that it was there when it was told of.
  const dated = (at: Instant): Instant => possibleDate(at, event.recordedAt) ?? readAt
  if (list !== null) await addNames(tx, list, event.data)
  if (resync) await doubtAll(tx, readAt)
  await noteChanges(tx, readAt, [
    ...changed.map(({ document, changedAt }) => ({
      document,
      change: 'update' as const,
      changedAt: dated(changedAt),
    })),
    ...deleted.flatMap(({ packageName, deletedAt }) =>
      (['tags', 'branches'] as const).map((kind) => ({
        document: documentName(packageName, kind),
        change: 'delete' as const,
        changedAt: dated(deletedAt),
      })),
    ),
  ])
  // What the next event names must not count as verified before it is applied.
  if (more === true) return
  const { stream, version: stream_version, position } = event
  const row = {
    stream,
    stream_version,
    position,
    feed,
    until: BigInt(until),
    read_at: readAt,
    list: resync ? null : list,
  }
  await tx
    .insertInto('document_feed')
    .values(row)
    .onConflict((conflict) => conflict.column('stream').doUpdateSet(row))
    .execute()
}

/** Keeps what the feed named since the list of names that it is compared with; of former lists, nothing. */
async function addNames(
  tx: Tx,
  list: string,
  { unlisted = [] }: ChangeFeedRead['data'],
): Promise<void> {
  await tx.deleteFrom('feed_named_package').where('list', '<>', list).execute()
  await sql`
    insert into feed_named_package (list, package_name)
    select ${list}::uuid, name from unnest(${unlisted}::text[]) as named (name)
    on conflict do nothing`.execute(tx)
}

/** Writes to all rows, after an outage of a day or so: 100,000 documents took 1.3 s. */
async function doubtAll(tx: Tx, readAt: Instant): Promise<void> {
  await sql`
    update document_history h set verified_until = f.read_at
    from document_current c, (select ${feedReadAt} as read_at) f
    where h.document = c.document and h.position = c.state_position and ${isFollowed}
      and h.verified_until < f.read_at`.execute(tx)
  await sql`
    update document_current
    set unseen_change = 'resync', unseen_change_at = ${readAt}, unseen_since = ${readAt}
    where unseen_change is null and document not in ${ofNoPackage}
      and (checked_at is null or checked_at < ${readAt})`.execute(tx)
}

async function noteChanges(
  tx: Tx,
  readAt: Instant,
  changes: readonly NamedChange[],
): Promise<void> {
  if (changes.length === 0) return
  // Upstream may name a change late: then it was there before the page that didn't name it.
  await sql`
    update document_history h
    set verified_until =
      greatest(h.verified_until, least(f.read_at, n.changed_at - interval '1 microsecond'))
    from document_current c, ${tableOf(changes)} n, (select ${feedReadAt} as read_at) f
    where c.document = n.document and h.document = c.document and h.position = c.state_position
      and ${isFollowed} and ${isNews} and f.read_at is not null`.execute(tx)
  await sql`
    update document_current c
    set unseen_change = n.change, unseen_change_at = n.changed_at, unseen_since = ${readAt}
    from ${tableOf(changes)} n
    where c.document = n.document and ${isNews}`.execute(tx)
}

/**
 * Writes down until when the feed has verified the present state of a document, as far as the feed's
 * word goes for it: to be called before another state begins or upstream's answers become doubtful.
 *
 * @param endedAt since when upstream has the next state, if it says.
 */
export async function settleState(
  tx: Tx,
  document: DocumentName,
  endedAt: Instant | null,
): Promise<void> {
  await sql`
    update document_history h
    set verified_until = greatest(
      h.verified_until, least(f.read_at, ${endedAt}::timestamptz - interval '1 microsecond'))
    from document_current c, (select ${feedReadAt} as read_at) f
    where c.document = ${document} and h.document = c.document and h.position = c.state_position
      and ${isFollowed} and f.read_at is not null`.execute(tx)
}
