import { type RawBuilder, sql, type SqlBool } from 'kysely'
import { documentName, type DocumentName, type PackageName } from '../src/composer/names.ts'
import type { Database, Db } from '../src/database/schema.ts'
import type { DomainEvent, Position } from '../src/events/types.ts'
import type { Instant } from '../src/time-machine/instant.ts'
import {
  feedReadAt,
  isFollowed,
  isNews,
  isOfReserved,
  type NamedChange,
  tableOf,
} from './document-feed.ts'

/** What is known of a document now. */
export interface CurrentDocument extends Readonly<Database['document_current']> {
  /** When upstream last gave an answer about it, or the feed last said that nothing has changed. */
  readonly verified_at: Instant | null
}

/** A state that a document was seen in; it holds until the next one of its document. */
export type DocumentState = Readonly<Database['document_history']>

/** Index: primary key; at most one row. */
export async function readCurrentDocument(
  db: Db,
  name: DocumentName,
): Promise<CurrentDocument | undefined> {
  const [row] = await readCurrentDocuments(db, [name])
  return row
}

/** Those that anything is known of. Index: primary key; at most as many rows as names. */
export async function readCurrentDocuments(
  db: Db,
  names: readonly DocumentName[],
): Promise<readonly CurrentDocument[]> {
  return await db
    .selectFrom('document_current as c')
    .selectAll()
    .select(
      sql<Instant | null>`
        case when ${isFollowed} then greatest(c.checked_at, ${feedReadAt}) else c.checked_at end`.as(
        'verified_at',
      ),
    )
    .where('c.document', '=', sql<DocumentName>`any (${names})`)
    .execute()
}

/** How many states after a position tell what it was like then: "no such", and what came after that. */
const followingMax = 2

/**
 * The state of a document as of `position`, and those that came after, from the first.
 *
 * Index: primary keys; at most three rows.
 */
export async function readStatesAround(
  db: Db,
  name: DocumentName,
  position: Position,
): Promise<{
  readonly at: DocumentState | undefined
  readonly following: readonly DocumentState[]
}> {
  // Only the state that still holds has its position in `c`, so only that one has the feed's word.
  const states = db
    .selectFrom('document_history as h')
    .leftJoin('document_current as c', (join) =>
      join.onRef('c.document', '=', 'h.document').onRef('c.state_position', '=', 'h.position'),
    )
    .select(['h.document', 'h.position', 'h.recorded_at', 'h.sha256'])
    .select(['h.last_modified', 'h.served_last_modified'])
    .select(
      sql<Instant>`
        greatest(h.verified_until, case when ${isFollowed} then ${feedReadAt} end)`.as(
        'verified_until',
      ),
    )
    .where('h.document', '=', name)
  const [at, following] = await Promise.all([
    states
      .where('h.position', '<=', position)
      .orderBy('h.position', 'desc')
      .limit(1)
      .executeTakeFirst(),
    states.where('h.position', '>', position).orderBy('h.position').limit(followingMax).execute(),
  ])
  return { at, following }
}

/** What a purge is about: each part narrows it. */
export type PurgeScope = Pick<CachePurged['data'], 'packageName' | 'before'>
type CachePurged = Extract<DomainEvent, { readonly type: 'CachePurged' }>

/** For a `where` on document_current. */
export function isPurged({ packageName, before }: PurgeScope): RawBuilder<SqlBool> {
  const names = packageName === undefined ? null : documentsOf(packageName)
  return sql`
    (${names}::text[] is null or document = any (${names}))
    and (${before ?? null}::timestamptz is null or checked_at < ${before ?? null})`
}

/** Reads all of document_current, unless it is about one package. */
export async function countPurged(db: Db, scope: PurgeScope): Promise<number> {
  const { documents } = await db
    .selectFrom('document_current')
    .select((row) => row.fn.countAll<bigint>().as('documents'))
    .where(isPurged(scope))
    .executeTakeFirstOrThrow()
  return Number(documents)
}

function documentsOf(packageName: PackageName): readonly DocumentName[] {
  return [documentName(packageName, 'tags'), documentName(packageName, 'branches')]
}

export interface FollowedFeed {
  /** Version of its stream: what the next append expects. */
  readonly streamVersion: number
  /** There when it is the feed that was followed last; after another, it has to begin anew. */
  readonly last:
    | {
        readonly feed: string
        readonly until: number
        readonly readAt: Instant
        /** The list of names that its pages were compared with, if they were. */
        readonly list?: string
      }
    | undefined
}

/** One row for each upstream that was ever followed. */
export async function readFollowedFeed(db: Db, stream: string): Promise<FollowedFeed> {
  const rows = await db
    .selectFrom('document_feed')
    .selectAll()
    .orderBy('position', 'desc')
    .execute()
  const [last] = rows
  const own = rows.find((row) => row.stream === stream)
  return {
    streamVersion: own?.stream_version ?? 0,
    last:
      last === undefined || last !== own
        ? undefined
        : {
            feed: own.feed,
            until: Number(own.until),
            readAt: own.read_at,
            ...(own.list !== null && { list: own.list }),
          },
  }
}

const changesPerQuery = 1_000

/**
 * Those of the changes that are news: of a document that is known, of no reserved vendor, and neither
 * fetched nor noted yet.
 *
 * Index: primary key; one query for each 1,000 changes, at most one row a change.
 */
export async function readNews(
  db: Db,
  changes: readonly NamedChange[],
  reservedPatterns: readonly string[],
): Promise<readonly NamedChange[]> {
  const news: NamedChange[] = []
  for (let from = 0; from < changes.length; from += changesPerQuery) {
    const named = tableOf(changes.slice(from, from + changesPerQuery))
    const { rows } = await sql<NamedChange>`
      select n.document, n.change, n.changed_at as "changedAt"
      from ${named} n join document_current c on c.document = n.document
      where ${isNews} and not ${isOfReserved(sql`c.document`, reservedPatterns)}
      order by n.changed_at, n.document`.execute(db)
    news.push(...rows)
  }
  return news
}

export interface UnseenFilter {
  readonly now: Instant
  readonly limit: number
  /** See `isOfReserved`. */
  readonly reservedPatterns: readonly string[]
}

/**
 * Documents to fetch because of what the feed told, those it named first. Not those of reserved vendors, nor
 * those that only ever were a name without a package. One that was asked in vain, or of a server that is behind, comes again
 * when its note is half as old again, and not before 30 s.
 *
 * Index: document_unseen; as many rows as there are such documents.
 */
export async function readUnseen(
  db: Db,
  { now, limit, reservedPatterns }: UnseenFilter,
): Promise<readonly DocumentName[]> {
  const asked = sql<Instant>`greatest(checked_at, failed_at)`
  const rows = await db
    .selectFrom('document_current')
    .select('document')
    .where('unseen_change', 'is not', null)
    .where('sha256', 'is not', null)
    .where(sql<boolean>`not ${isOfReserved(sql`document`, reservedPatterns)}`)
    .where(
      sql<boolean>`
        (${asked} < unseen_since or
          ${asked} + greatest((${asked} - unseen_since) / 2, interval '30 seconds') <= ${now})`,
    )
    .orderBy(sql`unseen_change = 'resync'`)
    .orderBy('unseen_change_at')
    .orderBy('document')
    .limit(limit)
    .execute()
  return rows.map(({ document }) => document)
}

/**
 * Those of the documents for which upstream answered without the change that its feed named.
 *
 * Index: primary key; at most one row a document.
 */
export async function readLagging(
  db: Db,
  documents: readonly DocumentName[],
): Promise<readonly DocumentName[]> {
  const rows = await db
    .selectFrom('document_current')
    .select('document')
    .where('document', '=', sql<DocumentName>`any(${documents}::text[])`)
    .where('unseen_change', 'in', ['update', 'delete'])
    .where('failed_at', 'is', null)
    .execute()
  return rows.map(({ document }) => document)
}

/** Whether upstream has, or had, packages of a vendor. Index: document_vendor, one row. */
export async function hasPublicPackages(db: Db, vendor: string): Promise<boolean> {
  const row = await db
    .selectFrom('document_current')
    .select('document')
    .where(sql`split_part(document, '/', 1)`, '=', vendor)
    .where('sha256', 'is not', null)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** How many documents there are bytes of. Reads all rows of document_current: 100,000 took 40 ms. */
export async function countDocuments(db: Db): Promise<bigint> {
  const { count } = await db
    .selectFrom('document_current')
    .select((row) => row.fn.countAll<bigint>().as('count'))
    .where('sha256', 'is not', null)
    .executeTakeFirstOrThrow()
  return count
}
