import type { Logger } from 'pino'
import type { EventLog } from '../events/log.ts'
import type { Usage } from '../telemetry/usage.ts'
import { type RunningJob, startJob } from './every.ts'

export interface UsageJobOptions {
  readonly log: EventLog
  readonly outside: {
    readonly random: () => number
    readonly logger: Logger
    readonly startJob?: typeof startJob
  }
}

/** A crash loses the counts of this time at most. */
const intervalMs = 60_000

/** Records what was counted, on every node for itself; stopped, it records the rest. */
export function startUsageJob(usage: Usage, { log, outside }: UsageJobOptions): RunningJob {
  const { random, logger } = outside
  const run = async () => await usage.flush(log)
  const job = (outside.startJob ?? startJob)({ name: 'usage', intervalMs, random, logger, run })
  return {
    async stop() {
      await job.stop()
      await run()
    },
  }
}
