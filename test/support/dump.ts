import { sql } from 'kysely'
import type { Db } from '../../src/database/schema.ts'

/** Every row of every table of a schema as text, in an order of its own: equal dumps, equal contents. */
export async function dumpSchema(
  db: Db,
  schema: string,
): Promise<Readonly<Record<string, string[]>>> {
  const tables = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
    where table_schema = ${schema} order by table_name`.execute(db)
  const dump: Record<string, string[]> = {}
  for (const { name } of tables.rows) {
    const rows = await sql<{ row: string }>`
      select t::text as row from ${sql.id(schema, name)} t order by 1`.execute(db)
    dump[name] = rows.rows.map(({ row }) => row)
  }
  return dump
}
