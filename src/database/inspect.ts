import path from 'node:path'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import { migrations } from '../../migrations/index.ts'
import { StartupError } from '../errors.ts'
import { openDatabase } from './client.ts'
import { checkDatabaseUrl } from './connect.ts'
import { majorToUse } from './embedded/binaries.ts'
import { clusterMajor } from './embedded/cluster.ts'
import { holderOf } from './embedded/data-directory-lock.ts'
import { foreignOwner } from './ownership.ts'
import { userOn } from './embedded/place.ts'

/**
 * Looks at a server without changing anything.
 *
 * @returns what a start would find, in words.
 * @throws StartupError when a start would fail on it.
 */
export async function inspectDatabase(connectionString: string, logger: Logger): Promise<string> {
  const major = await checkDatabaseUrl(connectionString)
  const { db } = openDatabase({ connectionString, logger, connectionsMax: 1 })
  try {
    const { rows } = await sql<{ mayCreate: boolean; isStandby: boolean; isUsed: boolean }>`
      select has_database_privilege(current_database(), 'create') as "mayCreate",
             pg_is_in_recovery() as "isStandby",
             to_regclass('public.kysely_migration') is not null as "isUsed"`.execute(db)
    const [facts] = rows
    const made = facts?.isUsed
      ? await sql<{ name: string }>`select name from kysely_migration`
          .execute(db)
          .catch(async (error: unknown) => {
            throw (await foreignOwner(db, error)) ?? error
          })
      : { rows: [] }
    const names = made.rows.map(({ name }) => name)
    if (facts?.isStandby)
      throw new StartupError(`PostgreSQL ${major}: that server takes no writes.`)
    return `PostgreSQL ${major}, ${tablesIn(names, facts?.mayCreate === true)}`
  } finally {
    await db.destroy()
  }
}

function tablesIn(names: readonly string[], mayCreate: boolean): string {
  const ours = Object.keys(migrations)
  const foreign = names.find((name) => !ours.includes(name))
  if (foreign !== undefined) {
    throw new StartupError(`The tables are of a newer release (${foreign}): start that one.`)
  }
  const left = ours.length - names.length
  if (!mayCreate) {
    throw new StartupError('The role in DATABASE_URL may not create schemas and tables there.')
  }
  if (names.length === 0) return 'without tables: a start makes them'
  return left === 0
    ? 'with the tables of this release'
    : `whose tables a start updates: ${left} steps`
}

/**
 * Looks at what the embedded server would be started on, without starting it.
 *
 * @throws StartupError when that would fail.
 */
export function inspectEmbedded(dataDirectory: string): string {
  const cluster = path.join(dataDirectory, 'postgresql')
  const user = userOn(dataDirectory)
  const holder = holderOf(dataDirectory)
  if (holder !== undefined)
    return `embedded, in use by the Almanac that runs here (process ${holder})`
  const binaryCopies = path.join(dataDirectory, 'postgresql-binaries')
  const made = clusterMajor(cluster)
  const major = majorToUse({ user, cluster, binaryCopies }, made)
  return made === undefined
    ? `embedded PostgreSQL ${major}, which a first start makes in ${cluster}`
    : `embedded PostgreSQL ${major}, with its data in ${cluster}`
}
