import type pg from 'pg'
import type { Logger } from 'pino'
import { isPrivateBlob } from '../projections/private-package.ts'
import type { Cache } from './archives/evict.ts'
import { type CorruptBlob, createLose, type ObjectReads } from './archives/object-reads.ts'
import { createSliceMemory } from './archives/slice-memory.ts'
import { openByteReader } from './database/byte-reader.ts'
import type { Db } from './database/schema.ts'
import type { Observer } from './telemetry/observer.ts'
import type { Instant } from './time-machine/instant.ts'

interface BlobReadsParts {
  readonly outside: { readonly logger: Logger; readonly now: () => Instant }
  readonly db: Db
  readonly pool: pg.Pool
  readonly observer: Pick<Observer, 'corruptionFound'>
}

/** The part of the composition root that is about reading stored archives, and what becomes of damaged ones. */
export async function buildBlobReads(
  { outside, db, pool, observer }: BlobReadsParts,
  cache: Cache,
): Promise<ObjectReads> {
  const { now, logger } = outside
  async function onCorrupt(blob: CorruptBlob): Promise<void> {
    observer.corruptionFound()
    const { sha256, sizeBytes } = blob
    if (await isPrivateBlob(db, sha256)) {
      // The watch sees that it is gone, and tells which version it is of. What the read models list of
      // it, if it is an archive of upstream as well, the next cleanup takes out.
      logger.error(
        { alert: 'private_archive_lost', ...blob },
        'the archive of a package of ours is damaged; publish the same zip again',
      )
      return
    }
    logger.error({ alert: 'archive_corrupt', ...blob }, 'a stored archive is damaged')
    // What can't be told now is told by the next cleanup, as it would be after a crash.
    await cache.tell([{ sha256, sizeBytes, reason: 'corrupt' }]).catch((error: unknown) => {
      logger.warn({ err: error, sha256 }, 'that an archive is damaged is not recorded yet')
    })
  }
  const memory = createSliceMemory()
  const lose = createLose({ db, now, onCorrupt })
  return { db, readBytes: await openByteReader(pool, logger), memory, now, lose }
}
