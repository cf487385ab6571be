import { sql } from 'kysely'
import type { Db } from './schema.ts'

/**
 * The number, from 1, that `content` has among all that `kind` was ever written as. The same for good,
 * on all nodes: whoever goes back to former settings gets the former number.
 */
export async function numberOfRendering(
  db: Db,
  { kind, content }: { readonly kind: string; readonly content: string },
): Promise<number> {
  return await db.transaction().execute(async (tx) => {
    // Two nodes that start with new settings would otherwise both count from the same.
    await sql`lock table rendering in exclusive mode`.execute(tx)
    const { rows } = await sql<{ number: number }>`
      insert into rendering (kind, content, number)
      select ${kind}, ${content}, coalesce(max(number), 0) + 1 from rendering where kind = ${kind}
      on conflict (kind, content) do update set content = excluded.content
      returning number`.execute(tx)
    const [row] = rows
    if (row === undefined) throw new Error('an upsert returned no row')
    return row.number
  })
}
