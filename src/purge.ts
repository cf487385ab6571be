import type { EventLog } from './events/log.ts'
import { newEvent } from './events/new-event.ts'
import { cacheStream, type DomainEvent, type Position } from './events/types.ts'
import { addSeconds, type Instant } from './time-machine/instant.ts'

type CachePurged = Extract<DomainEvent, { readonly type: 'CachePurged' }>['data']
/** Each part narrows it. */
export type PurgeScope = Pick<CachePurged, 'packageName' | 'before'>

export interface PurgeRequest extends Pick<
  CachePurged,
  'packageName' | 'actor' | 'requestId' | 'reason'
> {
  /** Only what wasn't used, or asked upstream for, in the last so many seconds. */
  readonly olderThanSeconds?: number | undefined
  /** Only says what would go. */
  readonly dryRun: boolean
}

export interface Purged {
  readonly archives: number
  readonly sizeBytes: number
  /** Of those archives, what upstream is known not to have any more. */
  readonly lastCopies: number
  readonly documents: number
}

export interface PurgeOptions {
  readonly count: (scope: PurgeScope) => Promise<Purged>
  /** Evicts the archives. */
  readonly evict: (scope: PurgeScope) => Promise<void>
  /** Appends what is known here only of what was used. */
  readonly flushAccesses: () => Promise<void>
  readonly log: EventLog
  readonly until: (position: Position) => Promise<void>
  readonly now: () => Instant
}

export type Purge = (request: PurgeRequest) => Promise<Purged>

/**
 * Has archives evicted and documents asked for again at their next request. Says how much that was.
 *
 * The event comes before the evictions: a crash in between leaves archives, and purging again ends it.
 */
export function createPurge({ count, evict, flushAccesses, log, until, now }: PurgeOptions): Purge {
  return async ({ dryRun, olderThanSeconds, packageName, actor, requestId, reason }) => {
    const before = olderThanSeconds === undefined ? undefined : addSeconds(now(), -olderThanSeconds)
    const scope = { packageName, before }
    await flushAccesses()
    await until(await log.head())
    const purged = await count(scope)
    if (dryRun) return purged
    const { archives, sizeBytes, documents } = purged
    const data = { ...scope, archives, sizeBytes, documents, actor, requestId, reason }
    const event = newEvent({ type: 'CachePurged', data })
    const result = await log.append({ stream: cacheStream, expected: 'any', events: [event] })
    if (result.outcome === 'appended') await until(result.events.at(-1)?.position ?? 0n)
    await evict(scope)
    return purged
  }
}
