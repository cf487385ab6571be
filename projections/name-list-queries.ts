import { sql } from 'kysely'
import type { PackageName } from '../src/composer/names.ts'
import type { Db } from '../src/database/schema.ts'
import type { Instant } from '../src/time-machine/instant.ts'
import { isOfReserved } from './document-feed.ts'

/** The list of names that the feed is compared with, and whether its word goes. */
export interface FollowedList {
  readonly list: string
  readonly fetchedAt: Instant
  readonly names: number
  /** When the feed was last read. */
  readonly readAt: Instant
  /** It lacks a package that upstream has. */
  readonly isPartial: boolean
  /** The feed has named the package since the list was fetched. */
  readonly isNamed: boolean
}

/**
 * undefined: the feed isn't compared with a list. Index: primary keys; at most 200 rows of document_current, of
 * packages that the list lacks.
 *
 * @param packageName undefined: no package in particular.
 */
export async function readFollowedList(
  db: Db,
  stream: string,
  packageName: PackageName | undefined,
): Promise<FollowedList | undefined> {
  const { rows } = await sql<FollowedList>`
    select f.list, l.fetched_at as "fetchedAt", l.names, f.read_at as "readAt",
      exists (select from document_current
        where document in (select lacking || suffix
          from unnest(l.lacking) as lacking, (values (''), ('~dev')) as kind (suffix))
        and ${isThere}) as "isPartial",
      exists (select from feed_named_package n
        where n.list = f.list and n.package_name = ${packageName ?? null}) as "isNamed"
    from document_feed f join name_list l on l.id = f.list
    where f.stream = ${stream} and f.position = (select max(position) from document_feed)`.execute(
    db,
  )
  return rows[0]
}

/** Upstream has it, as far as its feed goes. */
const isThere = sql`sha256 is not null and missing_since is null and unseen_change is null`

/**
 * The packages that upstream has, as far as its feed goes; not those of reserved vendors. Reads all rows of
 * document_current.
 */
export async function readPackagesThere(
  db: Db,
  reservedPatterns: readonly string[],
): Promise<readonly PackageName[]> {
  const { rows } = await sql<{ readonly name: PackageName }>`
    select distinct regexp_replace(document, '~dev$', '') as name from document_current
    where document like '%/%' and ${isThere}
      and not ${isOfReserved(sql`document`, reservedPatterns)}`.execute(db)
  return rows.map(({ name }) => name)
}

/** Those of the names that the feed hasn't named before. Index: primary key; as many rows as names. */
export async function readNotNamed(
  db: Db,
  list: string,
  names: readonly PackageName[],
): Promise<readonly PackageName[]> {
  const { rows } = await sql<{ readonly name: PackageName }>`
    select name from unnest(${names}::text[]) as named (name)
    where not exists (select from feed_named_package
      where list = ${list} and package_name = name)`.execute(db)
  return rows.map(({ name }) => name)
}
