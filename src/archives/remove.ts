import { sql } from 'kysely'
import type { Logger } from 'pino'
import { isDamagedData } from '../database/errors.ts'
import type { Db } from '../database/schema.ts'
import type { Sha256 } from '../events/types.ts'
import type { Instant } from '../time-machine/instant.ts'
import { quarantine } from './quarantine.ts'

/** Each large object takes a lock until the end of its transaction: 12,000 were too many, 500 fit. */
export const blobsPerTransaction = 500

export interface Removal {
  /** At most `blobsPerTransaction`. */
  readonly names: readonly Sha256[]
  /** Those that were put since then stay. */
  readonly storedBefore?: Instant
  readonly now: () => Instant
  readonly logger: Logger
}

/**
 * Removes those of the blobs that are there, rows and objects together, but none that is precious.
 * Returns how many bytes.
 */
export async function removeBlobs(db: Db, removal: Removal): Promise<bigint> {
  if (removal.names.length === 0) return 0n
  try {
    return await removeTogether(db, removal)
  } catch (error) {
    if (!isDamagedData(error)) throw error
    if (removal.names.length === 1) return await setAside(db, removal)
    // One that can't be unlinked must not keep all others from being evicted.
    let bytes = 0n
    for (const name of removal.names) bytes += await removeBlobs(db, { ...removal, names: [name] })
    return bytes
  }
}

// Locked in one order, so that nodes that remove the same don't deadlock.
async function removeTogether(db: Db, { names, storedBefore }: Removal): Promise<bigint> {
  return await db.transaction().execute(async (tx) => {
    await sql`
      select from blob where sha256 = any (${names}) order by sha256 for update`.execute(tx)
    // A dump may have been restored without its large objects: the row goes all the same.
    const { rows } = await sql<{ bytes: bigint }>`
      with removed as (
        delete from blob
        where sha256 = any (${names}) and stored_at < ${storedBefore ?? 'infinity'}
          and not exists (select from precious_blob p where p.sha256 = blob.sha256)
        returning oid, size_bytes
      )
      select coalesce(sum(size_bytes), 0)::bigint as bytes, count(lo_unlink(m.oid))
      from removed left join pg_largeobject_metadata m using (oid)`.execute(tx)
    return rows[0]?.bytes ?? 0n
  })
}

async function setAside(db: Db, { names, now, logger }: Removal): Promise<bigint> {
  const rows = await db
    .selectFrom('blob')
    .select(['sha256', 'oid'])
    .where('sha256', 'in', names)
    .execute()
  for (const row of rows) {
    const problem = 'its object cannot be unlinked'
    await quarantine(db, { ...row, problem, at: now() })
    logger.error({ alert: 'archive_corrupt', ...row, problem }, 'an archive could not be evicted')
  }
  return 0n
}
