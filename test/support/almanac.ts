import { readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import got from 'got'
import { freePort } from './free-port.ts'
import { signalQuietly, startProcess, type Exit, type StartedProcess } from './processes.ts'
import { removeDirectory, temporaryDirectory } from './temporary-directory.ts'
import { patientMs } from './slowness.ts'

export interface AlmanacOptions {
  /** PROXY_PACKAGIST_URL. */
  readonly upstream?: string
  /** DATABASE_URL; without one, the service starts its embedded PostgreSQL in its DATA_DIR. */
  readonly databaseUrl?: string
  /** DATA_DIR, to start again on what an earlier service left; a new one when not given. */
  readonly dataDirectory?: string
  readonly port?: number
  /** Further settings, and the last word on all of them. */
  readonly env?: Readonly<Record<string, string>>
  readonly readyTimeoutMs?: number
}

export interface RunningAlmanac {
  readonly url: string
  readonly port: number
  readonly dataDirectory: string
  /** Of the admin API, as a bearer token. */
  readonly adminToken: string
  readonly pid: number
  /** Both output streams so far. */
  readonly output: () => string
  /** Asks it to end and waits until it has; SIGTERM unless told otherwise. Returns the exit code. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>
  /** Ends it as a power cut would, except that an embedded PostgreSQL goes on. */
  readonly kill9: () => Promise<void>
  /** Ends whatever is still there, also the embedded PostgreSQL, and removes a new DATA_DIR. */
  readonly close: () => Promise<void>
}

const project = fileURLToPath(new URL('../..', import.meta.url))
const stopTimeoutMs = patientMs(30_000)

/** DATA_DIRs whose embedded PostgreSQL may still run: it belongs to no group that we could end. */
const dataDirectories = new Set<string>()
// Before anything else that is done at exit: later the directory may be gone, and with it the number.
process.prependOnceListener('exit', () => {
  for (const dataDirectory of dataDirectories) endPostgres(dataDirectory)
})

/**
 * Starts the service as `npm start` does, on a free port of 127.0.0.1, and waits until it is ready.
 *
 * @throws Error with its output when it ends, or isn't ready within `readyTimeoutMs` (60 s).
 */
export async function startAlmanac(options: AlmanacOptions = {}): Promise<RunningAlmanac> {
  const dataDirectory = options.dataDirectory ?? temporaryDirectory('almanac-data')
  const port = options.port ?? (await freePort())
  const url = `http://127.0.0.1:${port}`
  const adminToken = 'admin-token-of-the-tests-0123456789'
  dataDirectories.add(dataDirectory)
  const started = startProcess(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
    directory: project,
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      TMPDIR: process.env['TMPDIR'],
      HOST: '127.0.0.1',
      PORT: `${port}`,
      PUBLIC_URL: url,
      DATA_DIR: dataDirectory,
      ADMIN_TOKEN: adminToken,
      ...(options.upstream !== undefined && { PROXY_PACKAGIST_URL: options.upstream }),
      ...(options.databaseUrl !== undefined && { DATABASE_URL: options.databaseUrl }),
      ...options.env,
    },
  })
  const close = async (): Promise<void> => {
    try {
      await stopProcess(started, 'SIGTERM')
    } finally {
      endPostgres(dataDirectory)
      dataDirectories.delete(dataDirectory)
      if (options.dataDirectory === undefined) removeDirectory(dataDirectory)
    }
  }
  try {
    await untilReady(started, url, patientMs(options.readyTimeoutMs ?? 60_000))
  } catch (error) {
    await close()
    throw error
  }
  return {
    url,
    port,
    dataDirectory,
    adminToken,
    pid: started.pid,
    output: started.output,
    stop: async (signal = 'SIGTERM') => (await stopProcess(started, signal)).code,
    async kill9() {
      started.signal('SIGKILL')
      await started.exited
    },
    close,
  }
}

async function untilReady(started: StartedProcess, url: string, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs
  const ended = started.exited.then(({ code, signal }) => `ended (${code ?? signal})`)
  for (;;) {
    const state = await Promise.race([ended, readiness(url)])
    if (state === 'ready') return
    if (state !== 'not ready' || performance.now() > deadline) {
      const why = state === 'not ready' ? `isn't ready after ${timeoutMs} ms` : state
      throw new Error(`the service ${why}:\n${started.output()}`)
    }
    await delay(20)
  }
}

async function readiness(url: string): Promise<'ready' | 'not ready'> {
  try {
    await got(`${url}/readyz`, { retry: { limit: 0 }, timeout: { request: patientMs(2_000) } })
    return 'ready'
  } catch {
    return 'not ready'
  }
}

/** Signals the service alone, as a service manager does, and kills it when that is to no avail. */
async function stopProcess(started: StartedProcess, signal: NodeJS.Signals): Promise<Exit> {
  const limit = new AbortController()
  started.signal(signal)
  const exit = await Promise.race([
    started.exited,
    delay(stopTimeoutMs, undefined, { signal: limit.signal }),
  ])
  limit.abort()
  if (exit !== undefined) return exit
  started.signalGroup('SIGKILL')
  throw new Error(`${stopTimeoutMs} ms after ${signal} the service still ran:\n${started.output()}`)
}

/** Ends the embedded PostgreSQL that a killed service left, as fast as that goes in good order. */
function endPostgres(dataDirectory: string): void {
  try {
    const file = readFileSync(path.join(dataDirectory, 'postgresql', 'postmaster.pid'), 'utf8')
    signalQuietly(Number.parseInt(file, 10), 'SIGQUIT')
  } catch {
    // No such file: it has ended, or never was.
  }
}
