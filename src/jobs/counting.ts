import type { Logger } from 'pino'
import type { EventLog } from '../events/log.ts'
import { type RunningJob, startJob } from './every.ts'

export interface CountingJobOptions {
  readonly log: EventLog
  readonly outside: {
    readonly random: () => number
    readonly logger: Logger
    readonly startJob?: typeof startJob
  }
}

/** A crash loses the counts of this time at most. */
const intervalMs = 60_000

interface Counts {
  readonly flush: (log: EventLog) => Promise<void>
}

/** Records what was counted, on every node for itself; stopped, it records the rest. */
export function startCountingJob(
  counts: readonly Counts[],
  { log, outside }: CountingJobOptions,
): RunningJob {
  const { random, logger } = outside
  const run = async () => {
    for (const each of counts) await each.flush(log)
  }
  const job = (outside.startJob ?? startJob)({ name: 'usage', intervalMs, random, logger, run })
  return {
    async stop() {
      await job.stop()
      await run()
    },
  }
}
