import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { LRUCache } from 'lru-cache'
import type { Instant } from '../time-machine/instant.ts'
import type { Db } from './schema.ts'

/**
 * Since when the root file is what `content` describes, in whole seconds: its `Last-Modified`. It rises
 * with each new content, by the database's clock, which all nodes share.
 */
export function createRenderedSince(db: Db): (content: string) => Promise<Instant> {
  const known = new LRUCache<string, Instant>({ max: 100 })
  return async (content) => {
    const since = known.get(content) ?? (await readRenderedSince(db, content))
    known.set(content, since)
    return since
  }
}

async function readRenderedSince(db: Db, content: string): Promise<Instant> {
  const fingerprint = createHash('sha256').update(content).digest('hex')
  const { rows } = await sql<{ since: Instant }>`
    insert into root_rendering (fingerprint, since)
    select ${fingerprint}, greatest(
      date_trunc('second', clock_timestamp()), max(since) + interval '1 second')
    from root_rendering
    on conflict (fingerprint) do update set fingerprint = excluded.fingerprint
    returning since`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('an upsert returned no row')
  return row.since
}
