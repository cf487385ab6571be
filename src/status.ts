import { readCacheSize } from '../projections/blob-use-queries.ts'
import { countDocuments, readFollowedFeed } from '../projections/document-queries.ts'
import type { Config } from './config.ts'
import { readNewestList } from './database/name-lists.ts'
import type { Db } from './database/schema.ts'
import type { EventLog } from './events/log.ts'
import { feedStream } from './events/types.ts'
import type { FrozenPackage } from './freezes.ts'
import type { ProxyStatus } from './http/admin/status.ts'
import type { NameLists } from './metadata/name-lists.ts'
import type { Projector } from './projector/run.ts'
import { type Instant, instantFromDate, msOfInstant } from './time-machine/instant.ts'
import type { BreakerState, OriginState as SeenState } from './upstream/breaker.ts'
import type { Upstream } from './upstream/client.ts'
import { version } from './version.ts'

export interface StatusParts {
  readonly config: Config
  readonly db: Db
  readonly log: EventLog
  readonly projector: Projector
  readonly upstream: Upstream
  readonly nameLists: Pick<NameLists, 'status'>
  readonly startedAt: Instant
  readonly now: () => Instant
  readonly frozen: () => Promise<readonly FrozenPackage[]>
}

/** What an operator asks first. */
export async function readStatus(parts: StatusParts): Promise<ProxyStatus> {
  const { config, startedAt, now } = parts
  const [feed, nameList, cache, log, frozen] = await Promise.all([
    feedOf(parts),
    nameListOf(parts),
    cacheOf(parts),
    logOf(parts),
    parts.frozen(),
  ])
  return {
    enabled: config.proxyEnabled,
    version,
    startedAt,
    uptimeSeconds: secondsBetween(startedAt, now()),
    upstream: upstreamOf(parts),
    feed,
    nameList,
    cache,
    ...log,
    frozen: [...frozen],
    settings: config.shown,
  }
}

function upstreamOf({ config, upstream }: StatusParts): ProxyStatus['upstream'] {
  const breakers = upstream.breakers()
  const url = config.packagistUrl
  const hosts = [...breakers].map(([origin, state]) => ({ origin, ...originOf(state) }))
  return { url, ...originOf(breakers.get(new URL(url).origin)), hosts }
}

type OriginState = Omit<ProxyStatus['upstream'], 'url' | 'hosts'>

/** undefined: it wasn't asked yet. */
function originOf(breaker: SeenState | undefined): OriginState {
  return {
    state: breaker === undefined ? 'up' : wordFor(breaker),
    lastSuccessAt: instantOf(breaker?.lastSuccessAtMs),
    lastFailureAt: instantOf(breaker?.lastFailureAtMs),
    lastError: breaker?.lastError ?? null,
    lastProblem: breaker?.lastProblem ?? null,
    pausedUntil: instantOf(breaker?.openUntilMs),
  }
}

function wordFor({ state, lastError, consecutiveFailures }: BreakerState): OriginState['state'] {
  // Who asks for a pause is there.
  if (state !== 'closed') return lastError === 'paused' ? 'degraded' : 'down'
  return consecutiveFailures === 0 ? 'up' : 'degraded'
}

function instantOf(ms: number | undefined): Instant | null {
  return ms === undefined ? null : instantFromDate(new Date(ms))
}

async function feedOf({ config, db, now }: StatusParts): Promise<ProxyStatus['feed']> {
  const { last } = await readFollowedFeed(db, feedStream(config.packagistUrl))
  const lastReadAt = last?.readAt ?? null
  return {
    enabled: isFeedFollowed(config),
    lastReadAt,
    lagSeconds: lastReadAt === null ? null : secondsBetween(lastReadAt, now()),
  }
}

function isFeedFollowed({ proxyEnabled, feedIntervalSeconds }: Config): boolean {
  return proxyEnabled && feedIntervalSeconds > 0
}

async function nameListOf(parts: StatusParts): Promise<ProxyStatus['nameList']> {
  const { config, db, nameLists } = parts
  const [{ followed, unused }, newest] = await Promise.all([
    nameLists.status(),
    readNewestList(db, feedStream(config.packagistUrl), false),
  ])
  function problem(): ProxyStatus['nameList']['problem'] {
    if (!isFeedFollowed(config)) return 'no_feed'
    if (unused !== 'not_compared') return unused ?? null
    return newest === undefined ? 'not_fetched' : (newest.problem ?? unused)
  }
  return {
    inUse: unused === undefined,
    fetchedAt: followed?.fetchedAt ?? newest?.fetchedAt ?? null,
    names: followed?.names ?? null,
    problem: problem(),
  }
}

async function cacheOf({ config, db }: StatusParts): Promise<ProxyStatus['cache']> {
  const [size, documents] = await Promise.all([readCacheSize(db), countDocuments(db)])
  return {
    sizeBytes: Number(size.logicalBytes),
    physicalBytes: Number(size.physicalBytes),
    maxSizeBytes: config.maxCacheSizeBytes,
    archives: Number(size.blobs),
    documents: Number(documents),
    oldestUseAt: size.oldestUseAt,
  }
}

async function logOf({
  log,
  projector,
}: StatusParts): Promise<Pick<ProxyStatus, 'log' | 'projections'>> {
  const head = await log.head()
  return {
    log: { backend: 'postgres', head: Number(head) },
    projections: projector.status().map(({ position, error, ...projection }) => ({
      ...projection,
      position: Number(position),
      // It may have come further than the head was when that was read.
      lagEvents: position < head ? Number(head - position) : 0,
      error: error ?? null,
    })),
  }
}

/** Whole seconds; another node's clock may be ahead of ours. */
function secondsBetween(from: Instant, to: Instant): number {
  return Math.max(0, Math.floor((msOfInstant(to) - msOfInstant(from)) / 1000))
}
