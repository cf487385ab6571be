import { Migrator } from 'kysely'
import { migrations } from '../../migrations/index.ts'
import type { Db } from './schema.ts'

/** Brings the database to the newest schema; safe when several nodes start at once (Kysely locks). */
export async function migrate(db: Db): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw new Error('migration failed', { cause: error })
}
