import type { Logger } from 'pino'
import type { Accesses } from '../archives/accesses.ts'
import { type RunningJob, startJob } from './every.ts'

export interface AccessesJobOptions {
  readonly random: () => number
  readonly logger: Logger
  readonly startJob?: typeof startJob
}

/** A crash loses the use of this time at most. */
const intervalMs = 5_000

/** Appends what was served, on every node for itself; stopped, it appends the rest. */
export function startAccessesJob(accesses: Accesses, options: AccessesJobOptions): RunningJob {
  const { random, logger } = options
  const run = accesses.flush
  const job = (options.startJob ?? startJob)({
    name: 'archive accesses',
    intervalMs,
    random,
    logger,
    run,
  })
  return {
    async stop() {
      await job.stop()
      await accesses.flush()
    },
  }
}
