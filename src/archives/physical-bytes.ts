import { sql } from 'kysely'
import type { Db } from '../database/schema.ts'

/** What all large objects of the database take on its disk, dead ones that wait for a vacuum included. */
export async function readPhysicalBytes(db: Db): Promise<bigint> {
  const { rows } = await sql<{ bytes: bigint }>`
    select pg_total_relation_size('pg_largeobject') as bytes`.execute(db)
  return rows[0]?.bytes ?? 0n
}
