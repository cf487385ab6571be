import { randomBytes } from 'node:crypto'
import path from 'node:path'
import pg from 'pg'
import { pino } from 'pino'

export interface RunDatabase {
  /** What a test file has to be told to find the server. Starts it, the first time. */
  readonly environment: () => Promise<Record<string, string>>
  readonly stop: () => Promise<void>
}

interface Server {
  readonly connectionString: string
  readonly stop: () => Promise<void>
}

/**
 * The PostgreSQL of one test run: the server that TEST_DATABASE_URL names, else an embedded one in
 * `directory`, started only when a test file needs it.
 */
export function runDatabase(directory: string): RunDatabase {
  const given = process.env['TEST_DATABASE_URL']
  const template = `almanac_template_${randomBytes(6).toString('hex')}`
  let server: Promise<Server> | undefined
  return {
    async environment() {
      server ??= given === undefined ? startEmbedded(directory) : useGiven(given, template)
      const { connectionString } = await server
      return { TEST_DATABASE_URL: connectionString, TEST_DATABASE_TEMPLATE: template }
    },
    async stop() {
      // A server that failed to start has been reported by the file that wanted it.
      const started = await server?.catch(() => undefined)
      await started?.stop()
    },
  }
}

async function startEmbedded(directory: string): Promise<Server> {
  // Imported when needed, so that unit tests run without the service's code being loaded here.
  const { startEmbeddedPostgres } = await import('../../src/database/embedded.ts')
  return await startEmbeddedPostgres({
    dataDirectory: path.join(directory, 'postgres'),
    logger: pino({ level: 'error' }, pino.destination(2)),
    onLost: (error) => process.stdout.write(`the run's PostgreSQL is lost: ${error.message}\n`),
  })
}

/** A server that outlives the run: take back the template that the run's tests made in it. */
async function useGiven(connectionString: string, template: string): Promise<Server> {
  return {
    connectionString,
    async stop() {
      const client = new pg.Client({ connectionString })
      await client.connect()
      await client.query(`drop database if exists ${template} with (force)`)
      await client.end()
    },
  }
}
