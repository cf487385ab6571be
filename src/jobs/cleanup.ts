import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Cache } from '../archives/evict.ts'
import type { Db } from '../database/schema.ts'
import { type RunningJob, startJob } from './every.ts'
import { createLease } from './lease.ts'

export interface CleanupJobOptions {
  readonly db: Db
  readonly intervalSeconds: number
  readonly random: () => number
  readonly logger: Logger
  readonly startJob?: typeof startJob
}

/**
 * Brings the cache back within its size, on one node at a time: after the setting was lowered, or when
 * several nodes stored at once. A node that stores makes room by itself and doesn't wait for this.
 */
export function startCleanupJob(cache: Cache, options: CleanupJobOptions): RunningJob {
  const { db, intervalSeconds, random, logger } = options
  // Longer than from one run to the next, so that a node which is well keeps it.
  const seconds = 2 * intervalSeconds + 10
  const lease = createLease(db, { name: 'cleanup', holder: randomUUID(), seconds })
  const job = (options.startJob ?? startJob)({
    name: 'cleanup',
    intervalMs: intervalSeconds * 1000,
    random,
    logger,
    async run() {
      if (await lease.take()) await cache.tidy()
    },
  })
  return {
    async stop() {
      await job.stop()
      await lease.release()
    },
  }
}
