import type { Logger } from 'pino'
import type { TokenUses } from '../access/token-uses.ts'
import type { EventLog } from '../events/log.ts'
import { type RunningJob, startJob } from './every.ts'

export interface TokenUsesJobOptions {
  readonly log: EventLog
  readonly outside: {
    readonly random: () => number
    readonly logger: Logger
    readonly startJob?: typeof startJob
  }
}

/** A crash loses the notes of this time at most. */
const intervalMs = 60_000

/** Records which tokens were shown, on every node for itself; stopped, it records the rest. */
export function startTokenUsesJob(
  uses: TokenUses,
  { log, outside }: TokenUsesJobOptions,
): RunningJob {
  const { random, logger } = outside
  const run = async () => await uses.flush(log)
  const job = (outside.startJob ?? startJob)({
    name: 'token uses',
    intervalMs,
    random,
    logger,
    run,
  })
  return {
    async stop() {
      await job.stop()
      await run()
    },
  }
}
