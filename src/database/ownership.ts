import { sql } from 'kysely'
import { StartupError } from '../errors.ts'
import { sqlState } from './errors.ts'
import type { Db } from './schema.ts'

/**
 * Whose the tables are, when a statement was refused because they aren't this role's: what a restore by another role leaves.
 * undefined: that isn't why.
 */
export async function foreignOwner(db: Db, error: unknown): Promise<StartupError | undefined> {
  // "insufficient privilege": a table that is another's, or one that may be read and not changed.
  if (sqlState(error).state !== '42501') return undefined
  const { rows } = await sql<{ role: string; owner: string; database: string }>`
    select current_user as role, tableowner as owner, current_database() as database
    from pg_tables
    where schemaname = 'public' and tablename in ('kysely_migration', 'event')
      and not pg_has_role(tableowner, 'usage')
    limit 1`.execute(db)
  const [found] = rows
  if (found === undefined) return undefined
  const { role, owner, database } = found
  return new StartupError(
    `The tables in the database "${database}" belong to the role "${owner}", and DATABASE_URL's role "${role}" may not change them, ` +
      `as after a restore by another role. Restore the dump anew by pg_restore --no-owner --role=${role} into a database that ` +
      `"${role}" owns, or hand all of it over: each schema, table, function and large object by alter ... owner to "${role}".`,
    { cause: error },
  )
}
