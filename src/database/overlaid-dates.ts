import { sql } from 'kysely'
import { LRUCache } from 'lru-cache'
import type { DocumentName } from '../composer/names.ts'
import type { Instant } from '../time-machine/instant.ts'
import type { Db } from './schema.ts'

export interface OverlaidBody {
  readonly document: DocumentName
  /** Of its bytes. */
  readonly digest: string
  /** No date before this one is given: others may have been, to other bytes. */
  readonly notBefore: Instant
}

/**
 * The date that stands for these bytes of a document, in whole seconds; the same for good, on all nodes.
 * A new one is later than all before.
 */
export type DateOf = (body: OverlaidBody) => Promise<Instant>

const datesMax = 10_000
/** What is dated further ahead was dated by an upstream that is, and no other date is ever near it. */
const farAhead = sql.lit('1 year')

export function createDateOf(db: Db): DateOf {
  const known = new LRUCache<string, Instant>({ max: datesMax })
  return async (body) => {
    const key = `${body.document} ${body.digest}`
    const date = known.get(key) ?? (await readDate(db, body)) ?? (await giveDate(db, body))
    known.set(key, date)
    return date
  }
}

async function readDate(db: Db, { document, digest }: OverlaidBody): Promise<Instant | undefined> {
  const row = await db
    .selectFrom('overlaid_date')
    .select('date')
    .where('document', '=', document)
    .where('digest', '=', digest)
    .executeTakeFirst()
  return row?.date
}

async function giveDate(db: Db, body: OverlaidBody): Promise<Instant> {
  const { document, digest, notBefore } = body
  return await db.transaction().execute(async (tx) => {
    // Two that give dates at once would otherwise both count from the same.
    await sql`lock table overlaid_date in share row exclusive mode`.execute(tx)
    const { rows } = await sql<{ date: Instant }>`
      insert into overlaid_date (document, digest, date)
      select ${document}, ${digest}, date_trunc('second', greatest(
        clock_timestamp(), ${notBefore}::timestamptz, max(date) + interval '1 second'))
      from overlaid_date
      where document = ${document} and date < clock_timestamp() + ${farAhead}
      on conflict (document, digest) do update set digest = excluded.digest
      returning date`.execute(tx)
    const [row] = rows
    if (row === undefined) throw new Error('an upsert returned no row')
    return row.date
  })
}
