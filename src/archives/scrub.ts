import type { Logger } from 'pino'
import type { Run } from '../jobs/every.ts'
import { addSeconds } from '../time-machine/instant.ts'
import { BlobLost } from './blobs.ts'
import { type ObjectReads, readWhole, type StoredObject } from './object-reads.ts'

export interface ScrubOptions extends ObjectReads {
  /** How long after it was stored, or checked last, a blob is checked again. */
  readonly intervalSeconds: number
  readonly logger: Logger
}

/**
 * 8 MiB a second cost a hundredth of a core (measured: 1.5 ms a MB), which no reader notices, and come to
 * some terabytes a week. Of the smallest blobs, it is a hundred a second.
 */
const bytesPerSecond = 8 * 1024 * 1024
/** What a blob costs beside its bytes. */
const blobBytes = 80 * 1024
/** Half a minute's work: the node's right to do it is renewed before the next run. */
const bytesPerRun = 32 * bytesPerSecond

/**
 * Reads blobs again whose last check is too long ago, those first that wait for longest, and says so once
 * none is left. How far it has come is in the table, so it goes on after a restart, on any node.
 */
export function createScrub(options: ScrubOptions): (run: Run) => Promise<void> {
  const { logger } = options
  let round = { blobs: 0, bytes: 0, corrupt: 0 }

  async function check(stored: StoredObject): Promise<void> {
    const isRight = await isWhole(options, stored)
    round.blobs += 1
    round.bytes += stored.sizeBytes
    if (!isRight) round.corrupt += 1
  }
  return async ({ signal, pause }) => {
    for (let bytes = 0; bytes < bytesPerRun && !signal.aborted;) {
      const due = await nextDue(options)
      if (due === undefined) {
        if (round.blobs > 0) logger.info(round, 'stored archives were checked')
        round = { blobs: 0, bytes: 0, corrupt: 0 }
        return
      }
      await check(due)
      const cost = due.sizeBytes + blobBytes
      bytes += cost
      await pause((cost / bytesPerSecond) * 1000)
    }
  }
}

async function nextDue({
  db,
  now,
  intervalSeconds,
}: ScrubOptions): Promise<StoredObject | undefined> {
  const row = await db
    .selectFrom('blob')
    .select(['sha256', 'oid', 'size_bytes'])
    .where('scrubbed_at', '<', addSeconds(now(), -intervalSeconds))
    .orderBy('scrubbed_at')
    .limit(1)
    .executeTakeFirst()
  return row && { sha256: row.sha256, oid: row.oid, sizeBytes: Number(row.size_bytes) }
}

/** One that was evicted meanwhile is whole: nothing is wrong with it. */
async function isWhole(options: ScrubOptions, stored: StoredObject): Promise<boolean> {
  const { db, now } = options
  const { sha256, oid } = stored
  try {
    for await (const _ of readWhole(options, stored));
    const checked = { scrubbed_at: now() }
    await db
      .updateTable('blob')
      .set(checked)
      .where('sha256', '=', sha256)
      .where('oid', '=', oid)
      .execute()
    return true
  } catch (error) {
    if (error instanceof BlobLost) return !error.isCorrupt
    throw error
  }
}
