import type { Logger } from 'pino'
import type { PackageName } from '../composer/names.ts'
import type { EventLog } from '../events/log.ts'
import { type DomainEvent, usagePackagesMax, usageStream } from '../events/types.ts'
import { createWaitingEvents } from '../events/waiting-events.ts'
import type { Instant } from '../time-machine/instant.ts'
import { dayOf } from '../time-machine/utc-period.ts'
import type {
  CacheKind,
  CacheResult,
  CacheUse,
  EndedRequest,
  Observer,
  UpstreamCall,
} from './observer.ts'

type UsageRecorded = Extract<DomainEvent, { readonly type: 'UsageRecorded' }>

export interface UsageOptions {
  readonly now: () => Instant
  readonly logger: Logger
}

/** Counts in memory what is done for clients, and records it in batches: no request waits for the log. */
export interface Usage extends Pick<Observer, 'requestEnded' | 'cacheUsed' | 'upstreamAsked'> {
  /**
   * Appends what was counted until now, if there was anything. Never rejects: what can't be appended is
   * kept for the next time, within limits. A crash costs the counts since the last time.
   */
  readonly flush: (log: EventLog) => Promise<void>
}

/** Upper bounds, in ms; what takes longer than the last is counted without one. */
const latencyBoundsMs: readonly number[] = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000,
]
/** Of further ones in a batch it isn't counted how often they were asked for. */
const packagesMax = 10_000
/** An hour or two without a database; the oldest goes first. */
const waitingMax = 100

export function createUsage({ now, logger }: UsageOptions): Usage {
  let batch: Batch | undefined
  const what = 'what was used'
  const waiting = createWaitingEvents({ stream: usageStream, max: waitingMax, what, logger })

  /** A batch has one day, so that days can be told from each other. */
  function current(): Batch {
    const at = now()
    if (batch !== undefined && dayOf(batch.to) !== dayOf(at)) close(batch)
    batch ??= createBatch(at)
    batch.to = at
    return batch
  }
  function close(ended: Batch): void {
    waiting.add({ type: 'UsageRecorded', data: dataOf(ended) })
    batch = undefined
  }

  return {
    requestEnded(request) {
      if (request.surface === 'composer' && request.route !== undefined) {
        countRequest(current(), request)
      }
    },
    cacheUsed: (use) => countUse(current(), use),
    upstreamAsked: (call) => countCall(current(), call),
    async flush(log) {
      if (batch !== undefined) close(batch)
      await waiting.flush(log)
    },
  }
}

interface Batch {
  readonly from: Instant
  to: Instant
  requests: number
  servedBytes: number
  readonly uses: Record<CacheKind, Record<CacheResult, number>>
  readonly upstream: { requests: number; bytes: number; failures: number }
  /** How many requests took at most so long. */
  readonly latency: Map<number | null, number>
  readonly packages: Map<PackageName, Record<CacheKind, number>>
}

const noUses = { hit: 0, miss: 0, stale: 0, coalesced: 0, negative: 0 } as const

function createBatch(at: Instant): Batch {
  return {
    from: at,
    to: at,
    requests: 0,
    servedBytes: 0,
    uses: { metadata: { ...noUses }, archives: { ...noUses } },
    upstream: { requests: 0, bytes: 0, failures: 0 },
    latency: new Map(),
    packages: new Map(),
  }
}

function countRequest(batch: Batch, { durationMs, bytes }: EndedRequest): void {
  batch.requests += 1
  batch.servedBytes += bytes
  const bound = latencyBoundsMs.find((upToMs) => durationMs <= upToMs) ?? null
  batch.latency.set(bound, (batch.latency.get(bound) ?? 0) + 1)
}

function countUse({ uses, packages }: Batch, { kind, result, packageName }: CacheUse): void {
  uses[kind][result] += 1
  if (packageName === undefined) return
  const known = packages.get(packageName)
  if (known !== undefined) known[kind] += 1
  else if (packages.size < packagesMax) {
    packages.set(packageName, { metadata: 0, archives: 0, [kind]: 1 })
  }
}

function countCall({ upstream }: Batch, { status, reason, bytes }: UpstreamCall): void {
  upstream.requests += 1
  upstream.bytes += bytes
  const isRefused = status === undefined || status === 429 || status >= 500
  if (reason !== undefined || isRefused) upstream.failures += 1
}

function dataOf({ uses, latency, packages, ...counts }: Batch): UsageRecorded['data'] {
  return {
    ...counts,
    ...uses,
    latency: [...latency].map(([upToMs, count]) => ({ upToMs, count })),
    packages: [...packages]
      .map(([packageName, asked]) => ({ packageName, ...asked }))
      .toSorted((one, other) => timesAsked(other) - timesAsked(one))
      .slice(0, usagePackagesMax),
  }
}

function timesAsked({ metadata, archives }: Readonly<Record<CacheKind, number>>): number {
  return metadata + archives
}
