import type { Logger } from 'pino'
import type { EventLog } from '../events/log.ts'
import { newEvent } from '../events/new-event.ts'
import { accessesPerEventMax, cacheStream, type Sha256 } from '../events/types.ts'
import type { Instant } from '../time-machine/instant.ts'

export interface AccessesOptions {
  readonly log: EventLog
  readonly now: () => Instant
  readonly logger: Logger
}

/** Notes in memory what was served, and appends it in batches: no request waits for the log. */
export interface Accesses {
  readonly note: (sha256: Sha256, sizeBytes: number) => void
  /**
   * Appends what was noted until now. Never rejects: a batch that can't be appended is logged and
   * dropped, which costs the order of use of some blobs and nothing else. A crash costs the same.
   */
  readonly flush: () => Promise<void>
}

interface Use {
  readonly at: Instant
  readonly count: number
  readonly bytes: number
}

/**
 * With so many blobs the batch is appended at once, without waiting for the next regular time. Not with so many
 * requests: that was ten events a second of one archive, and each cost what 300 requests do.
 */
const batchBlobs = 1000
/** While the database hangs, batches wait: of more blobs than these the use isn't noted. */
const blobsMax = 10_000

export function createAccesses({ log, now, logger }: AccessesOptions): Accesses {
  let noted = new Map<Sha256, Use>()
  let flushed = Promise.resolve()

  async function append(): Promise<void> {
    const batch = [...noted].map(([sha256, use]) => ({ sha256, ...use }))
    noted = new Map()
    if (batch.length === 0) return
    const events = []
    for (let from = 0; from < batch.length; from += accessesPerEventMax) {
      const part = batch.slice(from, from + accessesPerEventMax)
      events.push(newEvent({ type: 'ArchivesAccessed', data: { accesses: part } }))
    }
    try {
      await log.append({ stream: cacheStream, expected: 'any', events })
    } catch (error) {
      logger.warn({ err: error, blobs: batch.length }, 'which archives were used is not recorded')
    }
  }
  async function flush(): Promise<void> {
    // One at a time and in order, since each takes all that was noted.
    flushed = flushed.then(append)
    await flushed
  }

  return {
    note(sha256, sizeBytes) {
      const before = noted.get(sha256)
      if (before === undefined && noted.size >= blobsMax) return
      noted.set(sha256, {
        at: now(),
        count: (before?.count ?? 0) + 1,
        bytes: (before?.bytes ?? 0) + sizeBytes,
      })
      if (before === undefined && noted.size === batchBlobs) void flush()
    },
    flush,
  }
}
