import pg from 'pg'
import { StartupError } from '../errors.ts'

/** Functions and syntax that the migrations use are there from this major version on. */
const majorVersionMin = 14

/**
 * Checks that the configured server can be used, before anything else relies on it.
 *
 * @returns its major version.
 * @throws StartupError in one sentence, without the URL: it holds a password.
 */
export async function checkDatabaseUrl(connectionString: string): Promise<number> {
  let client: pg.Client | undefined
  let version: number
  try {
    client = new pg.Client({ connectionString, connectionTimeoutMillis: 10_000 })
    await client.connect()
    const { rows } = await client.query<{ server_version_num: string }>('show server_version_num')
    version = Math.floor(Number(rows[0]?.server_version_num) / 10_000)
  } catch (error) {
    throw new StartupError(
      `DATABASE_URL: no connection to PostgreSQL (${reasonOf(error)}). Check that the server runs ` +
        'and that host, port, user, password and database in the URL are right.',
      { cause: error },
    )
  } finally {
    await client?.end().catch(() => undefined)
  }
  if (version < majorVersionMin) {
    throw new StartupError(
      `DATABASE_URL: that server is PostgreSQL ${version}; Almanac needs ${majorVersionMin} or newer.`,
    )
  }
  return version
}

function reasonOf(error: unknown): string {
  // Several addresses were tried: each failure is inside.
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}
