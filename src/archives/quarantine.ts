import { sql } from 'kysely'
import { isDamagedData } from '../database/errors.ts'
import type { Db } from '../database/schema.ts'
import type { Sha256 } from '../events/types.ts'
import type { Instant } from '../time-machine/instant.ts'

export interface Finding {
  readonly sha256: Sha256
  /** Of its large object. */
  readonly oid: number
  /** Completes the sentence "the blob is corrupt: …". */
  readonly problem: string
  readonly at: Instant
}

/**
 * Takes a damaged blob out of the store: it is never served again, and its object stays to be looked at.
 *
 * Returns false when the store doesn't have this object any more, so that nothing can be said of it.
 */
export async function quarantine(db: Db, { sha256, oid, problem, at }: Finding): Promise<boolean> {
  // An object that is missing altogether leaves nothing to look at.
  const { rows } = await sql`
    with damaged as (
      delete from blob where sha256 = ${sha256} and oid = ${oid} returning *
    ), kept as (
      insert into blob_quarantine (oid, sha256, size_bytes, quarantined_at, problem)
      select oid, sha256, size_bytes, ${at}, ${problem} from damaged
      where oid in (select oid from pg_largeobject_metadata)
    )
    select from damaged`.execute(db)
  return rows.length === 1
}

/**
 * Unlinks what was quarantined before then; of what is precious only once it is there again, since what
 * is damaged may be all that is left. Returns how many bytes.
 */
export async function emptyQuarantine(db: Db, before: Instant): Promise<bigint> {
  const quarantined = await db
    .selectFrom('blob_quarantine')
    .select(['oid', 'size_bytes'])
    .where('quarantined_at', '<', before)
    .where(
      sql<boolean>`
        (sha256 not in (select sha256 from precious_blob) or sha256 in (select sha256 from blob))`,
    )
    .execute()
  let unlinkedBytes = 0n
  for (const { oid, size_bytes } of quarantined) {
    try {
      await forget(db, oid)
      unlinkedBytes += size_bytes
    } catch (error) {
      // Its pages can't even be read: they stay until somebody repairs the database.
      if (!isDamagedData(error)) throw error
    }
  }
  return unlinkedBytes
}

async function forget(db: Db, oid: number): Promise<void> {
  await sql`
    with gone as (delete from blob_quarantine where oid = ${oid} returning oid)
    select lo_unlink(oid) from gone
    where oid in (select oid from pg_largeobject_metadata)`.execute(db)
}
