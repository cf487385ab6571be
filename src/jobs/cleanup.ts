import type { Cache } from '../archives/evict.ts'
import type { RunningJob } from './every.ts'
import { type SharedJobOptions, startSharedJob } from './shared-job.ts'

export interface CleanupJobOptions extends SharedJobOptions {
  readonly intervalSeconds: number
}

/**
 * Brings the cache back within its size, after the setting was lowered, or when several nodes stored at
 * once; has what crashes left in store and read model told or removed; and logs how large the cache is.
 * A node that stores makes room by itself and doesn't wait for this.
 */
export function startCleanupJob(cache: Cache, options: CleanupJobOptions): RunningJob {
  const { intervalSeconds } = options
  return startSharedJob({ name: 'cleanup', intervalSeconds, run: cache.tidy }, options)
}
