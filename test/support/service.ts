import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { got, type Response } from 'got'
import { pino } from 'pino'
import { projections } from '../../projections/index.ts'
import { startApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config.ts'
import { openDatabase, type OpenDatabase } from '../../src/database/client.ts'
import { createPostgresLog } from '../../src/events/postgres.ts'
import type { EventLog } from '../../src/events/log.ts'
import type { RecordedEvent } from '../../src/events/types.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { createClock, type TestClock } from './clock.ts'
import { freePort } from './free-port.ts'
import { createTestDatabase } from './postgres.ts'
import { startStubUpstream, type StubUpstream, type StubUpstreamOptions } from './upstream.ts'

/** The whole application in this process, over real PostgreSQL and the stub upstream. */
export interface Service {
  readonly url: string
  readonly upstream: StubUpstream
  /** The only clock: events are dated by it too. */
  readonly clock: TestClock
  readonly database: OpenDatabase
  readonly log: EventLog
  /** Never throws for a status; the body as bytes, decoded. */
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Response<Buffer>>
  readonly events: () => Promise<readonly RecordedEvent[]>
  /** Stops the application and starts it anew on the same data. */
  readonly restart: () => Promise<void>
  readonly close: () => Promise<void>
}

export interface ServiceOptions {
  readonly settings?: Readonly<Record<string, string>>
  readonly upstream?: StubUpstreamOptions
  /** The clock to begin with; the stub's is set to the same. */
  readonly at?: string
}

export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const { at = '2026-06-01T00:00:00Z', settings = {} } = options
  const logger = pino({ level: process.env['TEST_LOG_LEVEL'] ?? 'silent' })
  const upstream = await startStubUpstream({ at, ...options.upstream })
  const testDatabase = await createTestDatabase()
  const dataDirectory = await mkdtemp(path.join(tmpdir(), 'almanac-test-'))
  const clock = createClock(at)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const { config } = parseConfig({
    PROXY_PACKAGIST_URL: upstream.url,
    PROXY_FEED_INTERVAL: '0',
    PORT: String(port),
    PUBLIC_URL: url,
    ...settings,
  })
  const start = async () =>
    await startApp(config, {
      databaseUrl: testDatabase.url,
      dataDirectory,
      logger,
      now: clock.now,
      random: () => 0,
      logClock: clock.now,
    })
  const database = openDatabase({
    connectionString: testDatabase.url,
    logger,
    schemas: projections.map(schemaOf),
    connectionsMax: 2,
  })
  const log = createPostgresLog({ db: database.db, now: clock.now })
  let app = await start()

  return {
    url,
    upstream,
    clock,
    database,
    log,
    get: async (requested, headers = {}) =>
      await got(url + requested, {
        headers,
        throwHttpErrors: false,
        retry: { limit: 0 },
        responseType: 'buffer',
      }),
    events: async () => await log.read(0n, 10_000),
    async restart() {
      await app.close()
      app = await start()
    },
    async close() {
      await app.close()
      await database.db.destroy()
      await testDatabase.close()
      await upstream.close()
      await rm(dataDirectory, { recursive: true, force: true })
    },
  }
}
