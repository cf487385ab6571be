import { randomInt } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { Logger } from 'pino'
import { type App, startApp } from './app.ts'
import { banner } from './banner.ts'
import { type Config, parseConfig } from './config.ts'
import { checkDatabaseUrl } from './database/connect.ts'
import { defaultDataDirectory, startEmbeddedPostgres } from './database/embedded.ts'
import { StartupError } from './errors.ts'
import { createLogger } from './logger.ts'
import { addSeconds, instantFromDate } from './time-machine/instant.ts'
import { version } from './version.ts'

const now = () => instantFromDate(new Date())

async function main(): Promise<void> {
  const { config, warnings } = parseConfig(process.env)
  const logger = createLogger(config.logLevel)
  for (const warning of warnings) logger.warn(warning)

  const dataDirectory = path.resolve(config.dataDirectory ?? defaultDataDirectory(process.cwd()))
  const database = await openWorld(config, { dataDirectory, logger })
  const app = await startApp(config, {
    databaseUrl: database.url,
    dataDirectory,
    logger,
    now,
    random: () => randomInt(2 ** 32) / 2 ** 32,
  }).catch(async (error: unknown) => {
    await database.stop()
    throw error
  })
  stopOnSignals(app, { stopDatabase: database.stop, logger })

  const generatedToken = app.generatedToken
  const yesterday = addSeconds(now(), -86_400).slice(0, 10)
  const { publicUrl } = config
  process.stdout.write(
    banner({ version, publicUrl, yesterday, generatedToken: generatedToken?.token }),
  )
  await generatedToken?.keep()
}

interface World {
  readonly dataDirectory: string
  readonly logger: Logger
}

async function openWorld(
  { databaseUrl }: Config,
  { dataDirectory, logger }: World,
): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  if (databaseUrl !== undefined) {
    await checkDatabaseUrl(databaseUrl)
    return { url: databaseUrl, stop: async () => undefined }
  }
  await mkdir(dataDirectory, { recursive: true })
  const embedded = await startEmbeddedPostgres({
    dataDirectory,
    logger,
    onLost(error) {
      logger.fatal({ err: error }, 'the embedded PostgreSQL is lost')
      process.exit(1)
    },
  })
  return { url: embedded.connectionString, stop: embedded.stop }
}

function stopOnSignals(
  app: App,
  { stopDatabase, logger }: { readonly stopDatabase: () => Promise<void>; readonly logger: Logger },
): void {
  let stopping = false
  function stop(reason: string): void {
    // A second signal is from somebody who doesn't want to wait; the next start recovers.
    if (stopping) process.exit(1)
    stopping = true
    logger.info({ reason }, 'stopping: no new requests, those under way end first')
    void app
      .close()
      .then(stopDatabase)
      .then(
        () => process.exit(0),
        (error: unknown) => {
          logger.fatal({ err: error }, 'stopping failed')
          process.exit(1)
        },
      )
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}

main().catch((error: unknown) => {
  if (error instanceof StartupError) process.stderr.write(`almanac: ${error.message}\n`)
  else process.stderr.write(`almanac: ${error instanceof Error ? error.stack : String(error)}\n`)
  process.exit(1)
})
