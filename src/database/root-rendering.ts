import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Instant } from '../time-machine/instant.ts'
import type { Db } from './schema.ts'

/**
 * Since when root files are written in the way that `rendering` describes; from the database's clock,
 * at the first start of any node that writes them so.
 */
export async function readRenderedSince(db: Db, rendering: string): Promise<Instant> {
  const fingerprint = createHash('sha256').update(rendering).digest('hex')
  const { rows } = await sql<{ since: Instant }>`
    insert into root_rendering (fingerprint) values (${fingerprint})
    on conflict (fingerprint) do update set fingerprint = excluded.fingerprint
    returning since`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('an upsert returned no row')
  return row.since
}
