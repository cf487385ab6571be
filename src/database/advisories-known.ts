import { sql } from 'kysely'
import type { PackageName } from '../composer/names.ts'
import type { Instant } from '../time-machine/instant.ts'
import type { Db } from './schema.ts'

/** The advisories of a package, as upstream last told them. */
export interface KeptAdvisories {
  /** JSON of the list. */
  readonly advisories: string
  readonly learnedAt: Instant
}

/** An answer of upstream's that has a part about each of some packages. */
export interface ToldAdvisories {
  readonly asked: readonly PackageName[]
  /** Those that it has. */
  readonly byName: ReadonlyMap<PackageName, string>
  /** When it was asked. */
  readonly at: Instant
}

/** How much is kept; what was learned last stays. */
export interface KeptLimits {
  /** Of one package. Those with the most advisories have 300 KB. */
  readonly listBytesMax: number
  readonly packagesMax: number
  readonly bytesMax: number
  /** Of what one node adds before it looks whether there is too much. */
  readonly packagesBetween: number
  readonly bytesBetween: number
}

const usualLimits: KeptLimits = {
  listBytesMax: 1024 * 1024,
  packagesMax: 500_000,
  bytesMax: 512 * 1024 * 1024,
  packagesBetween: 10_000,
  bytesBetween: 32 * 1024 * 1024,
}

export interface AdvisoriesKnown {
  /** Keeps what isn't kept yet, or was learned ten minutes before; what upstream doesn't have is forgotten. */
  readonly keep: (told: ToldAdvisories) => Promise<void>
  readonly read: (
    names: readonly PackageName[],
  ) => Promise<ReadonlyMap<PackageName, KeptAdvisories>>
}

/** @param upstream its URL: another one has other packages of the same names. */
export function createAdvisoriesKnown(
  db: Db,
  upstream: string,
  limits: KeptLimits = usualLimits,
): AdvisoriesKnown {
  const since = { packages: 0, bytes: 0 }
  async function leaveRoom(lists: readonly string[]): Promise<void> {
    since.packages += lists.length
    since.bytes += lists.reduce((sum, list) => sum + Buffer.byteLength(list), 0)
    if (since.packages < limits.packagesBetween && since.bytes < limits.bytesBetween) return
    since.packages = 0
    since.bytes = 0
    await removeOldest(db, limits)
  }
  return {
    async keep({ asked, byName, at }) {
      const kept = [...byName].filter(([, list]) => Buffer.byteLength(list) <= limits.listBytesMax)
      const names = new Set(kept.map(([name]) => name))
      await forget(db, { upstream, names: asked.filter((name) => !names.has(name)), at })
      await put(db, { upstream, kept, at })
      await leaveRoom(kept.map(([, list]) => list))
    },
    async read(names) {
      const rows = await db
        .selectFrom('advisories_known')
        .select(['package_name', 'advisories', 'learned_at as learnedAt'])
        .where('upstream', '=', upstream)
        .where('package_name', '=', sql<PackageName>`any (${names})`)
        .execute()
      return new Map(rows.map(({ package_name: name, ...kept }) => [name, kept]))
    },
  }
}

/** In the order of the names, so that two nodes don't wait for each other. */
async function put(
  db: Db,
  {
    upstream,
    kept,
    at,
  }: {
    readonly upstream: string
    readonly kept: readonly (readonly [PackageName, string])[]
    readonly at: Instant
  },
): Promise<void> {
  if (kept.length === 0) return
  const names = kept.map(([name]) => name)
  const lists = kept.map(([, list]) => list)
  await sql`
    insert into advisories_known as known (upstream, package_name, advisories, size_bytes, learned_at)
    select ${upstream}, name, list, octet_length(list), ${at}::timestamptz
      from unnest(${names}::text[], ${lists}::text[]) as told (name, list) order by name
    on conflict (upstream, package_name) do update
      set advisories = excluded.advisories, size_bytes = excluded.size_bytes, learned_at = excluded.learned_at
      where known.learned_at < excluded.learned_at and (known.advisories <> excluded.advisories
        or known.learned_at < excluded.learned_at - interval '10 minutes')`.execute(db)
}

async function forget(
  db: Db,
  {
    upstream,
    names,
    at,
  }: { readonly upstream: string; readonly names: readonly PackageName[]; readonly at: Instant },
): Promise<void> {
  if (names.length === 0) return
  await sql`
    delete from advisories_known where (upstream, package_name) in (
      select upstream, package_name from advisories_known
        where upstream = ${upstream} and package_name = any (${names}) and learned_at < ${at}
        order by package_name for update)`.execute(db)
}

/** Reads the whole table but for the lists themselves. */
async function removeOldest(db: Db, { packagesMax, bytesMax }: KeptLimits): Promise<void> {
  await sql`
    delete from advisories_known where (upstream, package_name) in (
      select upstream, package_name from (
        select upstream, package_name, row_number() over newest as packages, sum(size_bytes) over newest as bytes
          from advisories_known window newest as (order by learned_at desc, package_name, upstream)
      ) as counted where packages > ${packagesMax} or bytes > ${bytesMax})`.execute(db)
}
