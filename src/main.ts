import { randomInt } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { Logger } from 'pino'
import { type App, startApp } from './app.ts'
import { banner } from './banner.ts'
import { type Config, parseConfig } from './config.ts'
import { checkDatabaseUrl } from './database/connect.ts'
import { defaultDataDirectory, startEmbeddedPostgres } from './database/embedded.ts'
import { proxiesIn, withAuthFile } from './environment.ts'
import { StartupError } from './errors.ts'
import { createLogger } from './logger.ts'
import { addSeconds, systemClock } from './time-machine/instant.ts'
import { version } from './version.ts'

const now = systemClock()

/** What is open, the last on top: it is closed from there. */
type Closers = (() => Promise<void>)[]

async function main(): Promise<void> {
  const { config, warnings } = parseConfig(await withAuthFile(process.env))
  const logger = createLogger(config.logLevel)
  for (const warning of warnings) logger.warn(warning)

  const closers: Closers = []
  const starting = start(config, { closers, logger })
  stopOnSignals(starting, { closers, logger })
  const { generatedToken } = await starting

  const { publicUrl } = config
  const yesterday = addSeconds(now(), -86_400).slice(0, 10)
  process.stdout.write(
    banner({ version, publicUrl, yesterday, generatedToken: generatedToken?.token }),
  )
  if ((await generatedToken?.keep()) === false) {
    process.stdout.write('Another node made an admin token first: the one above does not count.\n')
  }
}

interface Starting {
  readonly closers: Closers
  readonly logger: Logger
}

async function start(config: Config, { closers, logger }: Starting): Promise<App> {
  const dataDirectory = path.resolve(config.dataDirectory ?? defaultDataDirectory(process.cwd()))
  try {
    const databaseUrl = await openDatabaseServer(config, { dataDirectory, closers, logger })
    const app = await startApp(config, {
      databaseUrl,
      dataDirectory,
      logger,
      now,
      proxyFor: proxiesIn(process.env),
      random: () => randomInt(2 ** 32) / 2 ** 32,
    })
    closers.push(app.close)
    return app
  } catch (error) {
    await closeAll(closers)
    throw error
  }
}

async function openDatabaseServer(
  { databaseUrl }: Config,
  { dataDirectory, closers, logger }: Starting & { readonly dataDirectory: string },
): Promise<string> {
  await mkdir(dataDirectory, { recursive: true, mode: 0o711 }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : 'unknown reason'
    throw new StartupError(
      `DATA_DIR can't be made (${reason}). Set it to a directory that this user may write to.`,
    )
  })
  if (databaseUrl !== undefined) {
    await checkDatabaseUrl(databaseUrl)
    return databaseUrl
  }
  const embedded = await startEmbeddedPostgres({
    dataDirectory,
    logger,
    onLost(error) {
      logger.fatal({ err: error }, 'the embedded PostgreSQL is lost')
      process.exit(1)
    },
  })
  closers.push(embedded.stop)
  return embedded.connectionString
}

async function closeAll(closers: Closers): Promise<void> {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close()
}

/** npm passes on what a terminal or a service manager has sent to all of its group: that comes twice. */
const sameSignalMs = 1_000

function stopOnSignals(starting: Promise<App>, { closers, logger }: Starting): void {
  let stoppingSinceMs: number | undefined
  async function stop(): Promise<void> {
    // A start that is under way takes seconds, and what it has half opened can't be closed.
    await starting.catch(() => undefined)
    await closeAll(closers)
  }
  function onSignal(signal: string): void {
    const nowMs = performance.now()
    if (stoppingSinceMs !== undefined) {
      if (nowMs - stoppingSinceMs < sameSignalMs) return
      // From somebody who doesn't want to wait. PostgreSQL goes on; the next start takes it over.
      process.exit(1)
    }
    stoppingSinceMs = nowMs
    logger.info({ signal }, 'stopping: no new requests, those under way end first')
    void stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.fatal({ err: error }, 'stopping failed')
        process.exit(1)
      },
    )
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
}

main().catch((error: unknown) => {
  if (error instanceof StartupError) process.stderr.write(`almanac: ${error.message}\n`)
  else process.stderr.write(`almanac: ${error instanceof Error ? error.stack : String(error)}\n`)
  process.exit(1)
})
