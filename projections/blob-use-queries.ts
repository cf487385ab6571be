import { type RawBuilder, sql, type SqlBool } from 'kysely'
import type { Database, Db } from '../src/database/schema.ts'
import type { Sha256 } from '../src/events/types.ts'
import type { Instant } from '../src/time-machine/instant.ts'
import type { PurgeScope } from './document-queries.ts'

/** What is listed and isn't in the blob store: removed, but a crash kept that from being told. */
export async function readVanished(
  db: Db,
  limit: number,
): Promise<
  readonly Readonly<Pick<Database['blob_use'], 'sha256' | 'size_bytes' | 'last_used_at'>>[]
> {
  return await db
    .selectFrom('blob_use')
    .leftJoin('blob', 'blob.sha256', 'blob_use.sha256')
    .select(['blob_use.sha256', 'blob_use.size_bytes', 'blob_use.last_used_at'])
    .where('blob.sha256', 'is', null)
    .limit(limit)
    .execute()
}

/**
 * What is in the blob store and isn't listed, nor precious: among `names`, and of what was put before
 * then.
 */
export async function readUnlisted(
  db: Db,
  filter: {
    readonly names?: readonly Sha256[]
    readonly storedBefore?: Instant
    readonly limit: number
  },
): Promise<readonly Sha256[]> {
  const { names, storedBefore, limit } = filter
  let query = db
    .selectFrom('blob')
    .leftJoin('blob_use', 'blob_use.sha256', 'blob.sha256')
    .select('blob.sha256')
    .leftJoin('precious_blob', 'precious_blob.sha256', 'blob.sha256')
    .where('blob_use.sha256', 'is', null)
    .where('precious_blob.sha256', 'is', null)
    .limit(limit)
  if (names !== undefined) query = query.where('blob.sha256', 'in', names)
  if (storedBefore !== undefined) query = query.where('blob.stored_at', '<', storedBefore)
  return (await query.execute()).map(({ sha256 }) => sha256)
}

export interface CacheSize {
  readonly blobs: bigint
  /** Of what is listed: what PROXY_MAX_CACHE_SIZE is about. */
  readonly logicalBytes: bigint
  /**
   * On the disk, with what PostgreSQL needs to find it and room that is free to be used again. All
   * large objects of the database count, also those of others who share it.
   */
  readonly physicalBytes: bigint
  /** When that was used which wasn't used for longest; null: there is nothing. */
  readonly oldestUseAt: Instant | null
}

/** Of the whole cache. Index: blob_use_order, one row for each worth. */
export async function readCacheSize(db: Db): Promise<CacheSize> {
  const { rows } = await sql<CacheSize>`
    select blobs, size_bytes as "logicalBytes",
      pg_total_relation_size('pg_catalog.pg_largeobject') as "physicalBytes",
      (
        select min(oldest.at)
        from generate_series(0, 3) as w (worth)
        cross join lateral (
          select min(last_used_at) as at from blob_use where worth = w.worth
        ) oldest
      ) as "oldestUseAt"
    from blob_use_total`.execute(db)
  const [size] = rows
  if (size === undefined) throw new Error('blob_use_total has its row from the start')
  return size
}

/** For a `where` on blob_use. */
function isPurged({ packageName, before }: PurgeScope): RawBuilder<SqlBool> {
  return sql`
    (${before ?? null}::timestamptz is null or last_used_at < ${before ?? null})
    and (${packageName ?? null}::text is null or sha256 in (
      select sha256 from blob_source where package_name = ${packageName ?? null}))`
}

/** The next ones to go. Index: primary key; looks at as many rows as have another age or package. */
export async function readPurged(
  db: Db,
  { limit, ...scope }: PurgeScope & { readonly limit: number },
): Promise<readonly Readonly<Pick<Database['blob_use'], 'sha256' | 'size_bytes'>>[]> {
  return await db
    .selectFrom('blob_use')
    .select(['sha256', 'size_bytes'])
    .where(isPurged(scope))
    .orderBy('sha256')
    .limit(limit)
    .execute()
}

export interface PurgedBlobs {
  readonly archives: number
  readonly sizeBytes: number
  /** Of those, what upstream is known not to have any more. */
  readonly lastCopies: number
}

/** Reads all of blob_use. */
export async function countPurgedBlobs(db: Db, scope: PurgeScope): Promise<PurgedBlobs> {
  const { rows } = await sql<Record<keyof PurgedBlobs, bigint>>`
    select count(*) as archives, coalesce(sum(size_bytes), 0)::bigint as "sizeBytes",
      count(*) filter (where worth = 2 or worth = 3 and exists (
        select from blob_source s
        where s.sha256 = blob_use.sha256 and (s.missing or s.lost or not s.named)
      )) as "lastCopies"
    from blob_use where ${isPurged(scope)}`.execute(db)
  const { archives = 0n, sizeBytes = 0n, lastCopies = 0n } = rows[0] ?? {}
  return {
    archives: Number(archives),
    sizeBytes: Number(sizeBytes),
    lastCopies: Number(lastCopies),
  }
}

/** Exact as of the events applied; one row. */
export async function readCacheTotal(
  db: Db,
): Promise<{ readonly blobs: bigint; readonly size_bytes: bigint }> {
  return await db
    .selectFrom('blob_use_total')
    .select(['blobs', 'size_bytes'])
    .executeTakeFirstOrThrow()
}

/** The first blobs to do without. Index: blob_use_order, as many rows as asked for. */
export async function readLeastUsed(
  db: Db,
  limit: number,
): Promise<
  readonly Readonly<
    Pick<Database['blob_use'], 'sha256' | 'size_bytes' | 'worth' | 'last_used_at'>
  >[]
> {
  return await db
    .selectFrom('blob_use')
    .select(['sha256', 'size_bytes', 'worth', 'last_used_at'])
    .orderBy('worth')
    .orderBy('last_used_at')
    .orderBy('sha256')
    .limit(limit)
    .execute()
}
