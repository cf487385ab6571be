import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import { StartupError } from '../../errors.ts'
import { findBinaries } from './binaries.ts'
import { childDescriptors } from './child-descriptors.ts'
import { clusterMajor, createCluster, writeConnectionRules } from './cluster.ts'
import { serverEnvironment } from './command.ts'
import { createDatabase, isListening, socketPort } from './connection.ts'
import type { ServerPlace } from './place.ts'
import { removeStaleFiles, runningServer, serverStatus } from './postmaster-file.ts'
import { isServerOf, sendSignal, serversOf, waitUntil } from './processes.ts'
import { openServerLog, type ServerLog } from './server-log.ts'

export interface RunningServer {
  readonly pid: number
  /** It ran already. */
  readonly adopted: boolean
}

export interface StartOptions {
  readonly place: ServerPlace
  readonly logger: Logger
  /** Is told of the steps of a first start. */
  readonly onProgress: (done: number, total: number) => void
  /** Gives up the start. */
  readonly signal: AbortSignal
}

/** After a crash PostgreSQL first replays up to `max_wal_size` of its log, which takes minutes at worst. */
const readyWithinMs = 300_000
const reportEveryMs = 10_000

/** What a server that was killed left behind ends within a moment, or is ended. */
const leftoversGoneWithinMs = 15_000
const leftovers = /pre-existing shared memory block|lock file ".*" already exists/

/**
 * Takes over the server that runs on the place's data directory, or else starts one, on a new data
 * directory if there is none. It has the database `almanac` and answers when this returns.
 *
 * @throws StartupError when that fails; then no server of this start is left running.
 */
export async function startServer(options: StartOptions): Promise<RunningServer> {
  const { place, signal } = options
  const deadline = performance.now() + leftoversGoneWithinMs
  for (;;) {
    const running = runningServer(place.cluster)
    if (running !== undefined && (await becomesReady(running, options))) {
      return { pid: running, adopted: true }
    }
    await refuseHiddenServer(place)
    const { pid, log } = await launch(options)
    if (await becomesReadyOrStops(pid, options)) {
      options.onProgress(firstSteps, firstSteps)
      return { pid, adopted: false }
    }

    const lines = log.lines()
    if (!leftovers.test(lines) || performance.now() > deadline) {
      throw new StartupError(
        `PostgreSQL did not start on ${place.cluster}. Its log, ${place.logFile}, ends with:${lines}`,
      )
    }
    endLeftovers(place.cluster)
    await setTimeout(100, undefined, { signal })
  }
}

/**
 * Ends the server, waits until it has left its data directory. Open transactions are rolled back.
 *
 * @throws Error when it is still there after 30 s.
 */
export async function stopServer(pid: number, cluster: string): Promise<void> {
  const hasEnded = (): boolean => !isServerOf(pid, cluster)
  if (hasEnded()) return
  sendSignal(pid, 'SIGINT')
  if (await waitUntil(hasEnded, 20_000)) return
  // Without a checkpoint: nothing committed is lost, but the next start takes longer.
  sendSignal(pid, 'SIGQUIT')
  if (await waitUntil(hasEnded, 10_000)) return
  throw new Error(`PostgreSQL (process ${pid}) does not end`)
}

/**
 * A server whose process we can't see but whose socket answers belongs to another container with the
 * same volume. Starting a second one on these data would destroy them.
 */
async function refuseHiddenServer({ cluster, socketDirectory }: ServerPlace): Promise<void> {
  if (!(await isListening(socketDirectory)) || runningServer(cluster) !== undefined) return
  throw new StartupError(
    `A PostgreSQL server of another container or machine already runs on ${cluster}. ` +
      `Stop it, or give this Almanac its own DATA_DIR.`,
  )
}

/** What a first start does: it has PostgreSQL's programs ready, makes the database, and starts the server. */
const firstSteps = 3

async function launch(options: StartOptions): Promise<{ pid: number; log: ServerLog }> {
  const { place, logger, onProgress, signal } = options
  const { cluster, user } = place
  const major = clusterMajor(cluster)
  if (major === undefined) onProgress(0, firstSteps)
  const binaries = await findBinaries(place, major)
  if (major === undefined) {
    onProgress(1, firstSteps)
    await createCluster({ cluster, binaries, user, logger, signal })
    onProgress(2, firstSteps)
  }
  writeConnectionRules(cluster, user)
  removeStaleFiles(place)
  const log = openServerLog(place.logFile, user)
  try {
    const child = spawn(path.join(binaries, 'postgres'), ['-D', cluster, ...settings(place)], {
      uid: user.uid,
      gid: user.gid,
      cwd: cluster,
      env: serverEnvironment,
      // Ctrl-C, and whatever else is sent to our process group, must not end it before us; and
      // nothing of ours may stay open in it, or whoever reads our output would wait for its end too.
      detached: true,
      stdio: childDescriptors(log.descriptor),
    })
    await once(child, 'spawn')
    child.unref()
    if (child.pid === undefined) throw new Error('PostgreSQL has no process id')
    return { pid: child.pid, log }
  } finally {
    closeSync(log.descriptor)
  }
}

function settings({ socketDirectory }: ServerPlace): readonly string[] {
  const values = {
    listen_addresses: '',
    // A list, whose elements may be quoted.
    unix_socket_directories: `"${socketDirectory.replaceAll('"', '""')}"`,
    port: socketPort,
    shared_buffers: '256MB',
    max_wal_size: '2GB',
    max_connections: 80,
    checkpoint_timeout: '15min',
    timezone: 'UTC',
    log_timezone: 'UTC',
    logging_collector: 'off',
    // Not the statement with each error: it may hold what is secret, and we know what we asked.
    log_min_error_statement: 'panic',
    cluster_name: 'almanac',
  }
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

/** Stops what it waits for when the wait is given up or fails. */
async function becomesReadyOrStops(pid: number, options: StartOptions): Promise<boolean> {
  try {
    return await becomesReady(pid, options)
  } catch (error) {
    await stopServer(pid, options.place.cluster)
    throw error
  }
}

/** False when the process ended instead. */
async function becomesReady(pid: number, options: StartOptions): Promise<boolean> {
  const { place, logger, signal } = options
  const start = performance.now()
  let reported = start
  while (isServerOf(pid, place.cluster)) {
    const reason = await whyNotReady(pid, place)
    if (reason === undefined) return true
    const now = performance.now()
    if (now - start > readyWithinMs) throw notReady(pid, place, reason)
    if (now - reported > reportEveryMs) {
      reported = now
      logger.warn({ server_pid: pid, reason }, 'still waiting for PostgreSQL to answer')
    }
    await setTimeout(20, undefined, { signal })
  }
  return false
}

async function whyNotReady(pid: number, place: ServerPlace): Promise<string | undefined> {
  // Asked on its socket before it is ready, it would log every question as a fatal error.
  const status = serverStatus(pid, place.cluster)
  if (status !== 'ready') return `it is ${status ?? 'starting'}`
  try {
    await createDatabase(place.socketDirectory)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function notReady(pid: number, place: ServerPlace, reason: string): StartupError {
  return new StartupError(
    `PostgreSQL (process ${pid}) runs on ${place.cluster}, but does not answer: ${reason}. ` +
      `See ${place.logFile}; stop it (kill -INT ${pid}) and start again.`,
  )
}

/**
 * A busy process of a killed server doesn't notice before it is done, and holds the shared memory until
 * then. Nothing that it still does can be committed.
 */
function endLeftovers(cluster: string): void {
  if (runningServer(cluster) !== undefined) return
  for (const pid of serversOf(cluster)) sendSignal(pid, 'SIGKILL')
}
