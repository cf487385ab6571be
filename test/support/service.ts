import { mkdtemp, rm } from 'node:fs/promises'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { got, type Response } from 'got'
import { projections } from '../../projections/index.ts'
import { type App, startApp } from '../../src/app.ts'
import type { DiskSpace } from '../../src/alerts/conditions.ts'
import { stagingIn } from '../../src/archives/staging.ts'
import { parseConfig } from '../../src/config.ts'
import { openDatabase, type OpenDatabase } from '../../src/database/client.ts'
import { createPostgresLog } from '../../src/events/postgres.ts'
import type { EventLog } from '../../src/events/log.ts'
import type { RecordedEvent } from '../../src/events/types.ts'
import type { Job } from '../../src/jobs/every.ts'
import { createLogger } from '../../src/logger.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { adminToken, type AskApi, askApiAt } from './api.ts'
import { createClock, type TestClock } from './clock.ts'
import { freePort } from './free-port.ts'
import { createTestDatabase, type TestDatabase } from './postgres.ts'
import { startStubUpstream, type StubUpstream, type StubUpstreamOptions } from './upstream.ts'

/** Never throws for a status; the body as bytes, decoded. */
export type Get = (path: string, headers?: Record<string, string>) => Promise<Response<Buffer>>

/** The whole application in this process, over real PostgreSQL and the stub upstream. */
export interface Service {
  readonly url: string
  readonly upstream: StubUpstream
  /** The only clock: events are dated by it too. */
  readonly clock: TestClock
  readonly database: OpenDatabase
  readonly log: EventLog
  readonly get: Get
  readonly api: AskApi
  /** Everything that is served. */
  readonly routes: () => App['routes']
  /**
   * Another node over the same database and upstream, ended with the service; how to ask it.
   *
   * @param settings beside those of the service.
   * @param databaseThrough how it gets at the database; without it as the service does.
   */
  readonly startNode: (
    settings?: Readonly<Record<string, string>>,
    databaseThrough?: ServiceOptions['databaseThrough'],
  ) => Promise<Get>
  readonly withoutDatabase: TestDatabase['without']
  /** Runs a job once, of the first node or another; by itself none runs, and none waits. */
  readonly runJob: (name: string, node?: number) => Promise<void>
  /** Where downloads wait for their checks. */
  readonly stagingDirectory: string
  readonly events: () => Promise<readonly RecordedEvent[]>
  /** Stops the application and starts it anew on the same data, with other settings perhaps. */
  readonly restart: (settings?: ServiceOptions['settings']) => Promise<void>
  readonly close: () => Promise<void>
}

export interface ServiceOptions {
  readonly settings?: Readonly<Record<string, string>>
  readonly upstream?: StubUpstreamOptions
  /** Gets each line of the log from `logLevel` on. */
  readonly onLogLine?: (line: string) => void
  /** `warn` when left out. */
  readonly logLevel?: string
  /** The clock to begin with; the stub's is set to the same. */
  readonly at?: string
  /** How the application gets at its database; without it directly. */
  readonly databaseThrough?: (url: string) => Promise<string>
  /** Whether downloads may be written to the disk; without it they may. */
  readonly hasRoomOnDisk?: (sizeBytes: number) => Promise<boolean>
  /** Of the data directory; without it half of it is free. */
  readonly diskSpace?: () => Promise<DiskSpace>
}

export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const { at = '2026-06-01T00:00:00Z', settings = {} } = options
  const { onLogLine, logLevel = 'warn' } = options
  const logger =
    onLogLine === undefined
      ? createLogger(process.env['TEST_LOG_LEVEL'] ?? 'silent')
      : createLogger(logLevel, { write: onLogLine })
  const upstream = await startStubUpstream({ at, ...options.upstream })
  const testDatabase = await createTestDatabase()
  const databaseUrl = (await options.databaseThrough?.(testDatabase.url)) ?? testDatabase.url
  const dataDirectory = await mkdtemp(path.join(tmpdir(), 'almanac-test-'))
  const clock = createClock(at)
  const jobs: Job[] = []
  const configFor = (port: number, ofNode: Readonly<Record<string, string>> = {}) =>
    parseConfig({
      PROXY_PACKAGIST_URL: upstream.url,
      PROXY_FEED_INTERVAL: '0',
      ADMIN_TOKEN: adminToken,
      PORT: String(port),
      ...settings,
      ...ofNode,
    }).config
  const config = configFor(await freePort())
  const start = async (settingsOfNode = config, databaseOfNode = databaseUrl) =>
    await startApp(settingsOfNode, {
      databaseUrl: databaseOfNode,
      dataDirectory,
      logger,
      now: clock.now,
      random: () => 0,
      logClock: clock.now,
      hasRoomOnDisk: options.hasRoomOnDisk ?? (async () => true),
      diskSpace: options.diskSpace ?? (async () => ({ freeBytes: 1, totalBytes: 2 })),
      startJob(job) {
        jobs.push(job)
        return { stop: async () => void jobs.splice(jobs.indexOf(job), 1) }
      },
    })
  const database = openDatabase({
    connectionString: testDatabase.url,
    logger,
    schemas: projections.map(schemaOf),
    connectionsMax: 2,
  })
  const log = createPostgresLog({ db: database.db, now: clock.now })
  let app = await start()
  const others: App[] = []

  return {
    url: config.publicUrl,
    upstream,
    clock,
    database,
    log,
    get: askAt(config.publicUrl),
    api: askApiAt(config.publicUrl),
    routes: () => app.routes,
    async startNode(ofNode, databaseThrough) {
      const port = await freePort()
      const databaseOfNode = await databaseThrough?.(testDatabase.url)
      others.push(await start(configFor(port, ofNode), databaseOfNode))
      return askAt(`http://127.0.0.1:${port}`)
    },
    withoutDatabase: testDatabase.without,
    async runJob(name, node = 0) {
      const job = jobs.filter((each) => each.name === name)[node]
      if (job === undefined) throw new Error(`there is no job ${name} on node ${node}`)
      await job.run({ signal: new AbortController().signal, pause: async () => {} })
    },
    stagingDirectory: stagingIn(dataDirectory),
    events: async () => await log.read(0n, 10_000),
    async restart(changed) {
      await app.close()
      app = await start(configFor(config.port, changed))
    },
    async close() {
      for (const each of [app, ...others]) await each.close()
      await database.db.destroy()
      await testDatabase.close()
      await upstream.close()
      await rm(dataDirectory, { recursive: true, force: true })
    },
  }
}

function askAt(url: string): Get {
  return async (requested, headers = {}) =>
    await got(url + requested, {
      headers,
      throwHttpErrors: false,
      retry: { limit: 0 },
      responseType: 'buffer',
      // A connection kept from before a restart would be lost at the first request after it.
      agent: { http: new Agent({ keepAlive: false }) },
    })
}
