import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Db } from '../database/schema.ts'
import { type Run, type RunningJob, startJob } from './every.ts'
import { createLease } from './lease.ts'

export interface SharedJob {
  /** Of the job and of its lease. */
  readonly name: string
  readonly intervalSeconds: number
  readonly run: (run: Run) => Promise<void>
}

export interface SharedJobOptions {
  readonly db: Db
  readonly random: () => number
  readonly logger: Logger
  readonly startJob?: typeof startJob
}

/** A job of all nodes, which one of them does at a time. */
export function startSharedJob(
  { name, intervalSeconds, run }: SharedJob,
  options: SharedJobOptions,
): RunningJob {
  const { db, random, logger } = options
  // Longer than from one run to the next, so that a node which is well keeps it.
  const seconds = 2 * intervalSeconds + 10
  const lease = createLease(db, { name, holder: randomUUID(), seconds })
  const job = (options.startJob ?? startJob)({
    name,
    intervalMs: intervalSeconds * 1000,
    random,
    logger,
    async run(each) {
      if (await lease.take()) await run(each)
    },
  })
  return {
    async stop() {
      await job.stop()
      // Without the database it runs out by itself.
      await lease.release().catch(() => undefined)
    },
  }
}
