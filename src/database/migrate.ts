import { type Migration, Migrator, sql } from 'kysely'
import { migrations } from '../../migrations/index.ts'
import { StartupError } from '../errors.ts'
import { foreignOwner } from './ownership.ts'
import type { Db } from './schema.ts'

/**
 * Brings the database to the newest schema; safe when several nodes start at once (Kysely locks).
 *
 * @param onProgress is told how many steps of those to be taken were, if there are any.
 * @throws StartupError with the server's own reason.
 */
export async function migrate(
  db: Db,
  onProgress: (done: number, total: number) => void = () => undefined,
): Promise<void> {
  const all = Object.entries(migrations)
  let first = all.length
  const told = all.map(([name, migration], index): readonly [string, Migration] => {
    const up: Migration['up'] = async (tx) => {
      first = Math.min(first, index)
      onProgress(index - first, all.length - first)
      await migration.up(tx)
    }
    return [name, { up }]
  })
  const getMigrations = async () => Object.fromEntries(told)
  const { error } = await new Migrator({ db, provider: { getMigrations } }).migrateToLatest()
  if (first < all.length) onProgress(all.length - first, all.length - first)
  if (error === undefined) return
  const ownership = await foreignOwner(db, error)
  if (ownership !== undefined) throw ownership
  throw new StartupError(
    `The database can't be brought to this release's tables (${reasonOf(error)}). ` +
      'The role in DATABASE_URL needs the right to create schemas and tables there, on a server that takes writes.',
    { cause: error },
  )
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown reason'
}

/** Whether the database still has all tables of this release: somebody may have restored an older one. */
export async function isMigrated(db: Db): Promise<boolean> {
  const newest = Object.keys(migrations).at(-1)
  const { rows } = await sql`select from kysely_migration where name = ${newest}`.execute(db)
  return rows.length === 1
}
