import { sql } from 'kysely'
import type { Db, Tx } from '../src/database/schema.ts'
import type { RecordedEvent } from '../src/events/types.ts'
import type { PackageName } from '../src/composer/names.ts'
import type { Projection } from '../src/projector/projection.ts'

type UsageRecorded = Extract<RecordedEvent, { readonly type: 'UsageRecorded' }>

/** What was done for clients, by day (`2026-06-01`, UTC): counts, how long it took, which packages. */
export const usage: Projection = {
  name: 'usage',
  version: 1,

  async createTables(tx) {
    await sql`
      create table usage_count (
        day   text   not null,
        what  text   not null,
        count bigint not null,
        primary key (day, what)
      )`.execute(tx)
    await sql`
      create table usage_latency (
        day      text             not null,
        up_to_ms double precision not null,
        count    bigint           not null,
        primary key (day, up_to_ms)
      )`.execute(tx)
    await sql`
      create table usage_package (
        day          text   not null,
        package_name text   not null,
        metadata     bigint not null,
        archives     bigint not null,
        primary key (day, package_name)
      )`.execute(tx)
  },

  async apply(tx, event) {
    if (event.type === 'ArchiveEvicted') {
      await addCounts(tx, event.recordedAt.slice(0, 10), { evictions: 1 })
    } else if (event.type === 'UsageRecorded') {
      const day = event.data.from.slice(0, 10)
      await addCounts(tx, day, countsIn(event))
      await addLatency(tx, day, event)
      await addPackages(tx, day, event)
    }
  },
}

/** By names that usage_count has: `metadata_hit`, `upstream_bytes` … */
function countsIn({ data }: UsageRecorded): Readonly<Record<string, number>> {
  const { requests, servedBytes, metadata, archives, upstream } = data
  return {
    requests,
    served_bytes: servedBytes,
    ...prefixed('metadata', metadata),
    ...prefixed('archives', archives),
    ...prefixed('upstream', upstream),
  }
}

function prefixed(
  prefix: string,
  counts: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [`${prefix}_${name}`, count]),
  )
}

async function addCounts(
  tx: Tx,
  day: string,
  counts: Readonly<Record<string, number>>,
): Promise<void> {
  await sql`
    insert into usage_count as c (day, what, count)
    select ${day}, * from unnest(${Object.keys(counts)}::text[], ${Object.values(counts)}::bigint[])
    on conflict (day, what) do update set count = c.count + excluded.count`.execute(tx)
}

async function addLatency(tx: Tx, day: string, { data }: UsageRecorded): Promise<void> {
  await sql`
    insert into usage_latency as l (day, up_to_ms, count)
    select ${day}, up_to_ms, sum(count) from unnest(
      ${data.latency.map(({ upToMs }) => upToMs ?? 'Infinity')}::double precision[],
      ${data.latency.map(({ count }) => count)}::bigint[]
    ) as counted (up_to_ms, count)
    group by up_to_ms
    on conflict (day, up_to_ms) do update set count = l.count + excluded.count`.execute(tx)
}

async function addPackages(tx: Tx, day: string, { data }: UsageRecorded): Promise<void> {
  const { packages } = data
  await sql`
    insert into usage_package as p (day, package_name, metadata, archives)
    select ${day}, package_name, sum(metadata), sum(archives) from unnest(
      ${packages.map(({ packageName }) => packageName)}::text[],
      ${packages.map(({ metadata }) => metadata)}::bigint[],
      ${packages.map(({ archives }) => archives)}::bigint[]
    ) as asked (package_name, metadata, archives)
    group by package_name
    on conflict (day, package_name) do update set
      metadata = p.metadata + excluded.metadata, archives = p.archives + excluded.archives`.execute(
    tx,
  )
}

/** Days, both included. */
export interface Days {
  readonly from: string
  readonly to: string
}

export interface DayUsage {
  readonly day: string
  /** By the names of `countsIn`, and `evictions`; those that are 0 may be missing. */
  readonly counts: ReadonlyMap<string, number>
  /** How many requests took at most so long; Infinity: longer than any bound. */
  readonly latency: ReadonlyMap<number, number>
}

/** Of the days on which there was anything, the first day first. Index: primary keys, about 30 rows a day. */
export async function readUsage(db: Db, { from, to }: Days): Promise<readonly DayUsage[]> {
  const [counts, latencies] = await Promise.all([
    db
      .selectFrom('usage_count')
      .selectAll()
      .where('day', '>=', from)
      .where('day', '<=', to)
      .orderBy('day')
      .execute(),
    db
      .selectFrom('usage_latency')
      .selectAll()
      .where('day', '>=', from)
      .where('day', '<=', to)
      .execute(),
  ])
  const days = [...new Set(counts.map(({ day }) => day))]
  return days.map((day) => ({
    day,
    counts: new Map(
      counts.filter((row) => row.day === day).map(({ what, count }) => [what, Number(count)]),
    ),
    latency: new Map(
      latencies
        .filter((row) => row.day === day)
        .map(({ up_to_ms, count }) => [up_to_ms, Number(count)]),
    ),
  }))
}

export interface PackageUsage {
  readonly package_name: PackageName
  readonly metadata: bigint
  readonly archives: bigint
}

/** The packages that were asked for most. Index: primary key; reads all rows of those days. */
export async function readTopPackages(
  db: Db,
  { from, to, limit }: Days & { readonly limit: number },
): Promise<readonly PackageUsage[]> {
  const { rows } = await sql<PackageUsage>`
    select package_name, sum(metadata)::bigint as metadata, sum(archives)::bigint as archives
    from usage_package
    where day between ${from} and ${to}
    group by package_name
    order by sum(metadata) + sum(archives) desc, package_name
    limit ${limit}`.execute(db)
  return rows
}
