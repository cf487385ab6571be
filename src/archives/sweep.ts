import type { Logger } from 'pino'
import type { Db } from '../database/schema.ts'
import type { Sha256 } from '../events/types.ts'
import { addSeconds, type Instant } from '../time-machine/instant.ts'
import { emptyQuarantine } from './quarantine.ts'
import { blobsPerTransaction, removeBlobs } from './remove.ts'

/** From a blob being put to the event that names it: milliseconds, unless a node hangs or dies. */
const unnamedSecondsMax = 3600
/** Time for somebody to look at what was damaged. */
const quarantineSeconds = 7 * 86_400

export interface UnlistedFilter {
  /** Only of these … */
  readonly names?: readonly Sha256[]
  /** … and only what was put before then. */
  readonly storedBefore?: Instant
  readonly limit: number
}

export interface SweepOptions {
  readonly db: Db
  /** What is precious, was put before then, and belongs to no version of ours. */
  readonly unnamed: (storedBefore: Instant) => Promise<readonly Sha256[]>
  /** What is in the store and the read models don't list. */
  readonly unlisted: (filter: UnlistedFilter) => Promise<readonly Sha256[]>
  readonly now: () => Instant
  readonly logger: Logger
}

/**
 * Removes the blobs that nothing names, which a crash between a blob and its event leaves, and the
 * quarantined that are old. Returns how many bytes.
 *
 * The read models must be at the head of the log: then what they don't list was never stored, or it is
 * evicted, or its event is yet to come, and then it is young.
 */
export async function sweep(options: SweepOptions): Promise<bigint> {
  const { db, now, unlisted, logger } = options
  const storedBefore = addSeconds(now(), -unnamedSecondsMax)
  await forgetPrecious(options, storedBefore)
  let sweptBytes = 0n
  for (;;) {
    const names = await unlisted({ storedBefore, limit: blobsPerTransaction })
    sweptBytes += await removeBlobs(db, { names, storedBefore, now, logger })
    if (names.length > 0)
      logger.info({ blobs: names.length }, 'blobs that nothing names were removed')
    if (names.length < blobsPerTransaction) break
  }
  return sweptBytes + (await emptyQuarantine(db, addSeconds(now(), -quarantineSeconds)))
}

/**
 * What a publication left that came to nothing is a blob like any other from here on. One that is put
 * again meanwhile is young again, and stays precious.
 */
async function forgetPrecious({ db, unnamed }: SweepOptions, storedBefore: Instant): Promise<void> {
  const names = await unnamed(storedBefore)
  if (names.length === 0) return
  await db
    .deleteFrom('precious_blob')
    .where('sha256', 'in', names)
    .where('named_at', '<', storedBefore)
    .execute()
}
