import { LRUCache } from 'lru-cache'
import type { Logger } from 'pino'
import type { DocumentName } from '../composer/names.ts'
import { type Instant, msOfInstant } from '../time-machine/instant.ts'
import type { Refresh } from './refresh.ts'

export interface LookAgainOptions {
  /** When upstream was last asked for a document itself. */
  readonly checkedAt: (document: DocumentName) => Promise<Instant | undefined>
  readonly refresh: Refresh
  readonly metadataTtlSeconds: number
  readonly now: () => Instant
  readonly logger: Logger
}

/** Of documents that aren't to be looked at again yet; one that is forgotten costs a query. */
const waitingMax = 10_000

/**
 * Has upstream asked behind an answer for a document of which not all is given as it was recorded: then an event and an alert
 * say what is left out. The change feed may call it fresh for years, so it goes by when upstream was asked for it.
 */
export function createLookAgain(options: LookAgainOptions): (document: DocumentName) => void {
  const { checkedAt, refresh, metadataTtlSeconds, now, logger } = options
  const ttlMs = metadataTtlSeconds * 1000
  const nextMs = new LRUCache<DocumentName, number>({ max: waitingMax })
  async function look(document: DocumentName): Promise<void> {
    const nowMs = msOfInstant(now())
    const next = nextMs.get(document)
    // A clock that was set back must not keep it from being looked at.
    if (next !== undefined && nowMs < next && next - nowMs <= ttlMs) return
    nextMs.set(document, nowMs + ttlMs)
    const checked = await checkedAt(document)
    const dueMs = checked === undefined ? nowMs : msOfInstant(checked) + ttlMs
    if (nowMs < dueMs) nextMs.set(document, dueMs)
    else await refresh(document)
  }
  return (document) => {
    look(document).catch((error: unknown) => {
      logger.error({ err: error, document }, `${document} could not be looked at again`)
    })
  }
}
