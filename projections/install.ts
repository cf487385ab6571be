import { sql } from 'kysely'
import type { PackageName } from '../src/composer/names.ts'
import type { Database, Db, Tx } from '../src/database/schema.ts'
import type { RecordedEvent } from '../src/events/types.ts'
import type { Instant } from '../src/time-machine/instant.ts'
import type { Projection } from '../src/projector/projection.ts'

export type Installed = Readonly<Database['install']>

/** Who installed what, by day (`2026-06-01`, UTC), as Composer reports it. */
export const install: Projection = {
  name: 'install',
  version: 1,

  async createTables(tx) {
    await sql`
      create table install (
        package_name       text        not null,
        day                text        not null,
        version_normalized text        not null,
        actor              text        not null,
        count              bigint      not null,
        last_at            timestamptz not null,
        primary key (package_name, day, version_normalized, actor)
      )`.execute(tx)
    await sql`create index install_by_time on install (last_at)`.execute(tx)
  },

  async apply(tx, event) {
    if (event.type === 'PackagesInstalled') await add(tx, event.data)
  },
}

type PackagesInstalled = Extract<RecordedEvent, { readonly type: 'PackagesInstalled' }>

async function add(tx: Tx, { installs }: PackagesInstalled['data']): Promise<void> {
  await sql`
    insert into install as i (package_name, day, version_normalized, actor, count, last_at)
    select package_name, to_char(at at time zone 'UTC', 'YYYY-MM-DD') as day, version_normalized, actor,
      sum(count), max(at)
    from unnest(
      ${installs.map(({ packageName }) => packageName)}::text[],
      ${installs.map(({ versionNormalized }) => versionNormalized)}::text[],
      ${installs.map(({ actor }) => actor)}::text[],
      ${installs.map(({ count }) => count)}::bigint[],
      ${installs.map(({ at }) => at)}::timestamptz[]
    ) as noted (package_name, version_normalized, actor, count, at)
    group by package_name, day, version_normalized, actor
    on conflict (package_name, day, version_normalized, actor) do update set
      count = i.count + excluded.count, last_at = greatest(i.last_at, excluded.last_at)`.execute(tx)
}

export interface InstallFilter {
  readonly packageName: PackageName | undefined
  readonly versionNormalized: string | undefined
  readonly actor: string | undefined
  /** Last reported at or after `from` and before `until`. */
  readonly from: Instant | undefined
  readonly until: Instant | undefined
  readonly limit: number
}

/** The last reported first. Index: primary key, or install_by_time; as many rows as fit the filter. */
export async function readInstalls(db: Db, filter: InstallFilter): Promise<readonly Installed[]> {
  const { packageName, versionNormalized, actor, from, until, limit } = filter
  let query = db.selectFrom('install').selectAll()
  if (packageName !== undefined) query = query.where('package_name', '=', packageName)
  if (versionNormalized !== undefined) {
    query = query.where('version_normalized', '=', versionNormalized)
  }
  if (actor !== undefined) query = query.where('actor', '=', actor)
  if (from !== undefined) query = query.where('last_at', '>=', from)
  if (until !== undefined) query = query.where('last_at', '<', until)
  return await query
    .orderBy('last_at', 'desc')
    .orderBy('package_name')
    .orderBy('version_normalized')
    .orderBy('actor')
    .limit(limit)
    .execute()
}

/** How often each version of a package was installed from a day on. Index: primary key, as many rows as it has since. */
export async function readInstallsSince(
  db: Db,
  packageName: PackageName,
  day: string,
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ readonly version_normalized: string; readonly count: bigint }>`
    select version_normalized, sum(count)::bigint as count from install
    where package_name = ${packageName} and day >= ${day} group by version_normalized`.execute(db)
  return new Map(rows.map(({ version_normalized, count }) => [version_normalized, Number(count)]))
}

/** Sums by day, of days that have any; both days included. */
export async function readInstallCounts(
  db: Db,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ readonly day: string; readonly count: bigint }>`
    select day, sum(count)::bigint as count from install
    where day between ${from} and ${to} group by day`.execute(db)
  return new Map(rows.map(({ day, count }) => [day, Number(count)]))
}
