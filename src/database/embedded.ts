import path from 'node:path'
import type { Logger } from 'pino'
import { StartupError } from '../errors.ts'
import { clusterMajor, removeUnfinishedClusters } from './embedded/cluster.ts'
import { connectionStringOf } from './embedded/connection.ts'
import { dataBeside } from './embedded/data-beside.ts'
import { lockDataDirectory, type DataDirectoryLock } from './embedded/data-directory-lock.ts'
import { errorCode } from './embedded/error-code.ts'
import { createDataDirectory, openPlace, type ServerPlace } from './embedded/place.ts'
import { isServerOf } from './embedded/processes.ts'
import { startServer, stopServer } from './embedded/server.ts'
import { limitServerLog } from './embedded/server-log.ts'
import { blockingDirectory, serverUser } from './embedded/server-user.ts'
import { supervise } from './embedded/supervisor.ts'

export interface EmbeddedPostgres {
  /** For pg: unix socket, database `almanac`, user `postgres`. */
  readonly connectionString: string
  /** True when a server that a killed Almanac had left running was found and taken over. */
  readonly adopted: boolean
  /** Ends the server, waits until it has left its data directory, then releases DATA_DIR. */
  readonly stop: () => Promise<void>
}

export interface EmbeddedPostgresOptions {
  /** DATA_DIR, an absolute path. */
  readonly dataDirectory: string
  readonly logger: Logger
  /** Gives up the start. */
  readonly signal?: AbortSignal
  /** Is told of the steps of a first start. */
  readonly onProgress?: (done: number, total: number) => void
  /** The server died and could not be brought back. */
  readonly onLost: (error: Error) => void
}

/**
 * Starts a PostgreSQL server of our own in `dataDirectory`, reachable only through a socket there, and
 * keeps it running until `stop`. The first start, which makes the database, takes 1 to 2 s; others 0.1 s.
 *
 * Killed at any point, together with the server or alone, the next start finds every committed row.
 *
 * @throws StartupError when it can't be, with what to do about it.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const { dataDirectory } = options
  let lock: DataDirectoryLock | undefined
  try {
    createDataDirectory(dataDirectory)
    lock = lockDataDirectory(dataDirectory)
    const place = openPlace(dataDirectory)
    removeUnfinishedClusters(place.cluster)
    sayIfBeside(place, options)
    return await startInPlace(place, lock, options)
  } catch (error) {
    lock?.release()
    throw asStartupError(error, dataDirectory)
  }
}

/**
 * DATA_DIR to use when it isn't set: `data` in the working directory, or /var/lib/almanac when we are
 * root and the user who then runs PostgreSQL can't get there, as in a clone below /root.
 */
export function defaultDataDirectory(workingDirectory: string): string {
  const beside = path.join(workingDirectory, 'data')
  if (process.getuid?.() !== 0) return beside
  try {
    const user = serverUser(path.join(beside, 'postgresql'))
    return blockingDirectory(beside, user) === undefined ? beside : '/var/lib/almanac'
  } catch {
    return beside // Nobody can run the server: its start, if it comes to that, says so.
  }
}

/** An upgrade in a new folder would seem to have lost everything. */
function sayIfBeside(
  { cluster }: ServerPlace,
  { dataDirectory, logger }: EmbeddedPostgresOptions,
): void {
  if (clusterMajor(cluster) !== undefined) return
  const beside = dataBeside(dataDirectory)
  if (beside === undefined) return
  logger.warn(
    `This start begins with nothing in ${dataDirectory}, while ${beside} has what an Almanac kept: if that is what you want, ` +
      `stop this one and set DATA_DIR=${beside}.`,
  )
}

async function startInPlace(
  place: ServerPlace,
  lock: DataDirectoryLock,
  { logger, onLost, onProgress = () => undefined, signal }: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const ending = new AbortController()
  const startSignal = AbortSignal.any([ending.signal, ...(signal === undefined ? [] : [signal])])
  const start = async (givesUp: AbortSignal) =>
    await startServer({ place, logger, onProgress, signal: givesUp })

  const startedMs = performance.now()
  let { pid, adopted } = await start(startSignal)
  const durationMs = Math.round(performance.now() - startedMs)
  logger.info({ server_pid: pid, adopted, duration_ms: durationMs }, 'PostgreSQL is ready')
  const supervisor = supervise({
    isUp: () => isServerOf(pid, place.cluster),
    restart: async () => {
      ;({ pid } = await start(ending.signal))
    },
    onLost,
    logger,
    signal: ending.signal,
  })

  const limiting = setInterval(() => limitLog(place.logFile, logger), 60_000).unref()

  const end = async (): Promise<void> => {
    clearInterval(limiting)
    ending.abort()
    await supervisor.settled()
    try {
      await stopServer(pid, place.cluster)
    } finally {
      lock.release()
    }
  }
  let ended: Promise<void> | undefined
  return {
    connectionString: connectionStringOf(place.socketDirectory, 'almanac'),
    adopted,
    stop: async () => await (ended ??= end()),
  }
}

function limitLog(file: string, logger: Logger): void {
  try {
    limitServerLog(file)
  } catch (error) {
    logger.warn({ err: error }, "PostgreSQL's log could not be shortened")
  }
}

function asStartupError(error: unknown, dataDirectory: string): StartupError {
  if (error instanceof StartupError) return error
  const reason = error instanceof Error ? error.message : String(error)
  const remedy = ['EACCES', 'EPERM', 'EROFS'].includes(errorCode(error) ?? '')
    ? `Make it writable for user ${process.getuid?.()}, or set DATA_DIR to another directory.`
    : 'Set DATA_DIR to another directory, or DATABASE_URL to a PostgreSQL server.'
  return new StartupError(
    `The embedded PostgreSQL can't be started in ${dataDirectory}: ${reason}. ${remedy}`,
    { cause: error },
  )
}
