import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'

const lookEveryMs = 500
const failuresMax = 5
const failuresWithinMs = 60_000
const retryAfterMs = 1_000

export interface SupervisorOptions {
  readonly isUp: () => boolean
  readonly restart: () => Promise<void>
  /** Called once, with the last reason; nothing is watched any more then. */
  readonly onLost: (error: Error) => void
  readonly logger: Logger
  /** Ends the watch. */
  readonly signal: AbortSignal
}

export interface Supervisor {
  /** Settles, when the watch has been ended, with the last thing that it did. */
  readonly settled: () => Promise<void>
}

/**
 * Looks twice a second whether the server is up, and restarts it when it isn't. It counts as lost when
 * it has ended, or failed to start, five times within a minute. Doesn't keep the process running.
 */
export function supervise(options: SupervisorOptions): Supervisor {
  const { isUp, signal } = options
  let failures: readonly number[] = []
  let recovery: Promise<void> | undefined
  const bringBack = async (): Promise<void> => {
    const recent = failures.filter((at) => performance.now() - at < failuresWithinMs)
    failures = await recover(recent, options)
    if (failures.length >= failuresMax) clearInterval(timer)
    recovery = undefined
  }
  const timer = setInterval(() => {
    if (recovery === undefined && !isUp()) recovery = bringBack()
  }, lookEveryMs).unref()
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })
  return { settled: async () => await recovery }
}

/** Restarts until it works or there were too many failures. Returns when they happened. */
async function recover(
  before: readonly number[],
  { restart, onLost, logger, signal }: SupervisorOptions,
): Promise<readonly number[]> {
  const failures = [...before, performance.now()]
  let cause: unknown
  while (failures.length < failuresMax) {
    logger.warn({ err: cause, failures: failures.length }, 'PostgreSQL ended; starting it again')
    try {
      await restart()
      logger.warn('PostgreSQL is back')
      return failures
    } catch (error) {
      if (signal.aborted) return failures
      cause = error
      failures.push(performance.now())
    }
    await setTimeout(retryAfterMs, undefined, { ref: false, signal }).catch(() => undefined)
    if (signal.aborted) return failures
  }
  onLost(new Error('PostgreSQL ended five times within a minute', { cause }))
  return failures
}
