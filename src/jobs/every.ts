import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'

/** What a run of a job is given. */
export interface Run {
  /** Aborts when the job is to stop: a long run then ends early. */
  readonly signal: AbortSignal
  /** Waits, unless the job is to stop. */
  readonly pause: (pauseMs: number) => Promise<void>
}

export interface Job {
  /** In the log. */
  readonly name: string
  readonly run: (run: Run) => Promise<void>
  /** From the end of a run to the beginning of the next, ±10 %. */
  readonly intervalMs: number
  /** From 0 to less than 1; without it, nodes that were started together would march in step. */
  readonly random: () => number
  readonly logger: Logger
}

export interface RunningJob {
  /** No run begins any more; resolves when the one under way, if there is one, has ended. */
  readonly stop: () => Promise<void>
}

/** Does something at once and then again and again, never twice at a time. An error ends the run only. */
export function startJob(job: Job): RunningJob {
  const { name, run, intervalMs, random, logger } = job
  const stopping = new AbortController()
  const { signal } = stopping

  async function pause(pauseMs: number): Promise<void> {
    try {
      await delay(pauseMs, undefined, { signal })
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
  async function loop(): Promise<void> {
    while (!signal.aborted) {
      try {
        await run({ signal, pause })
      } catch (error) {
        logger.error({ err: error, job: name }, `the job ${name} failed; it is run again later`)
      }
      await pause(intervalMs * (0.9 + random() / 5))
    }
  }
  const ended = loop()

  return {
    async stop() {
      stopping.abort()
      await ended
    },
  }
}
