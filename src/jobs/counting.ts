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
  /** @param isLast whether nothing is to be left for the next time. */
  readonly flush: (log: EventLog, isLast?: boolean) => Promise<void>
}

/** Records what was counted, on every node for itself; stopped, it records the rest. */
export function startCountingJob(
  counts: readonly Counts[],
  { log, outside }: CountingJobOptions,
): RunningJob {
  const { random, logger } = outside
  const flushAll = async (isLast: boolean) => {
    for (const each of counts) await each.flush(log, isLast)
  }
  const run = async () => await flushAll(false)
  const job = (outside.startJob ?? startJob)({ name: 'usage', intervalMs, random, logger, run })
  return {
    async stop() {
      await job.stop()
      await flushAll(true)
    },
  }
}
