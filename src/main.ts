import { randomInt } from 'node:crypto'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type App, startApp } from './app.ts'
import { banner } from './banner.ts'
import { check } from './check.ts'
import { printableLines } from './composer/notices.ts'
import { type Config, parseConfig } from './config.ts'
import { checkDatabaseUrl } from './database/connect.ts'
import { makeDataDirectory } from './database/make-directory.ts'
import { defaultDataDirectory, startEmbeddedPostgres } from './database/embedded.ts'
import { proxiesIn, withAuthFile } from './environment.ts'
import { StartupError } from './errors.ts'
import { tryAddress } from './http/listen.ts'
import { createLogger } from './logger.ts'
import { helpText } from './start-help.ts'
import { startOption } from './start-options.ts'
import { createProgress, type Progress } from './terminal/progress.ts'
import { createScreen, type Screen } from './terminal/screen.ts'
import { addSeconds, systemClock } from './time-machine/instant.ts'
import { version } from './version.ts'

const now = systemClock()

/** What is open, the last on top: it is closed from there. */
type Closers = (() => Promise<void>)[]

async function main(): Promise<void> {
  const option = startOption(process.argv.slice(2))
  if (option === 'start') return await run()
  if (option === 'help') process.stdout.write(helpText())
  if (option === 'version') process.stdout.write(`almanac ${version}\n`)
  if (option !== 'check') return
  const say = (text: string): void => void process.stdout.write(text)
  const isWell = await check({ env: process.env, logger: createLogger('silent'), now, say })
  process.exit(isWell ? 0 : 1)
}

async function run(): Promise<void> {
  const { config, warnings } = parseConfig(await withAuthFile(process.env))
  const screen = createScreen(process)
  const isPretty = (config.logFormat ?? (process.stderr.isTTY ? 'pretty' : 'json')) === 'pretty'
  const logger = createLogger(config.logLevel, isPretty ? screen.logStream : undefined)
  for (const warning of warnings) logger.warn(warning)

  const closers: Closers = []
  const progress = createProgress({ screen, logger, isPretty, nowMs: () => performance.now() })
  const ending = new AbortController()
  const parts = { closers, logger, progress, signal: ending.signal }
  const starting = start(config, parts)
  const isStopping = stopOnSignals(starting, { ...parts, giveUp: () => ending.abort() })
  const app = await starting.catch((error: unknown) => {
    // What a signal has cut short isn't a failure.
    if (isStopping()) return undefined
    throw error
  })
  if (app === undefined) return
  // What the start has asked for comes above it, and not over it.
  if (isPretty) await screen.quiet()
  if (!isStopping()) await greet(app, config, screen)
}

async function greet({ generatedToken }: App, config: Config, screen: Screen): Promise<void> {
  const { publicUrl, publicOrigin } = config
  const isTrial = publicOrigin === undefined
  const yesterday = addSeconds(now(), -86_400).slice(0, 10)
  screen.say(
    banner({ version, publicUrl, isTrial, yesterday, generatedToken: generatedToken?.token }),
  )
  if ((await generatedToken?.keep()) === false) {
    screen.say('Another node made an admin token first: the one above does not count.\n')
  }
}

interface Starting {
  readonly closers: Closers
  readonly logger: Logger
  readonly progress: Progress
  /** Gives up the start. */
  readonly signal: AbortSignal
}

async function start(config: Config, starting: Starting): Promise<App> {
  const { closers, logger, progress, signal } = starting
  const dataDirectory = path.resolve(config.dataDirectory ?? defaultDataDirectory(process.cwd()))
  try {
    // Before anything is made or opened that would have to be closed again.
    await tryAddress(config)
    const databaseUrl = await openDatabaseServer(config, { ...starting, dataDirectory })
    signal.throwIfAborted()
    const app = await startApp(config, {
      databaseUrl,
      dataDirectory,
      logger,
      now,
      report: progress.report,
      triesUpstream: true,
      proxyFor: proxiesIn(process.env),
      random: () => randomInt(2 ** 32) / 2 ** 32,
    })
    closers.push(app.close)
    return app
  } catch (error) {
    progress.close()
    await closeAll(closers)
    throw error
  }
}

async function openDatabaseServer(
  { databaseUrl }: Config,
  {
    dataDirectory,
    closers,
    logger,
    progress,
    signal,
  }: Starting & { readonly dataDirectory: string },
): Promise<string> {
  makeDataDirectory(dataDirectory)
  if (databaseUrl !== undefined) {
    await checkDatabaseUrl(databaseUrl)
    return databaseUrl
  }
  const embedded = await startEmbeddedPostgres({
    dataDirectory,
    logger,
    signal,
    onProgress: (done, total) => progress.report({ what: 'making the database', done, total }),
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

/** A first start takes longer, and who ends it doesn't want to wait. */
const startEndsWithinMs = 700

/** @returns whether a signal has come. */
function stopOnSignals(
  starting: Promise<App>,
  { closers, logger, progress, giveUp }: Starting & { readonly giveUp: () => void },
): () => boolean {
  const { level } = logger
  let stoppingSinceMs: number | undefined
  async function stop(): Promise<void> {
    giveUp()
    const ended = starting.catch(() => undefined)
    const isLong = await Promise.race([ended.then(() => false), delay(startEndsWithinMs, true)])
    // What it has half opened can't be closed, and would complain of a database that is gone.
    if (isLong) logger.level = 'silent'
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
    progress.close()
    logger.info({ signal }, 'stopping: no new requests, those under way end first')
    void stop().then(
      () => {
        logger.level = level
        logger.info('stopped')
        process.exit(0)
      },
      (error: unknown) => {
        logger.fatal({ err: error }, 'stopping failed')
        process.exit(1)
      },
    )
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return () => stoppingSinceMs !== undefined
}

main().catch((error: unknown) => {
  const { message, stack = message } = error instanceof Error ? error : new Error(String(error))
  const says = error instanceof StartupError ? message : stack
  process.stderr.write(`almanac: ${printableLines(says)}\n`)
  process.exit(1)
})
