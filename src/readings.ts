import { statfs } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Pool } from 'pg'
import { readCacheSize } from '../projections/blob-use-queries.ts'
import type { Db } from './database/schema.ts'
import type { EventLog } from './events/log.ts'
import type { Projector } from './projector/run.ts'
import type { Readings } from './telemetry/metrics.ts'
import type { Upstream } from './upstream/client.ts'

export interface ReadingsParts {
  readonly db: Db
  readonly pool: Pick<Pool, 'totalCount' | 'idleCount' | 'waitingCount'>
  readonly log: EventLog
  readonly projector: Projector
  readonly upstream: Upstream
  readonly dataDirectory: string
}

/** A scrape answers after this time with what could be read. */
const readMsMax = 2_000

/** What the metrics show of the moment when they are asked for. */
export function createReadings(parts: ReadingsParts): () => Promise<Readings> {
  const { db, pool, log, projector, upstream, dataDirectory } = parts
  const cacheBytes = inTime(async () => {
    const { logicalBytes, physicalBytes } = await readCacheSize(db)
    return { logical: Number(logicalBytes), physical: Number(physicalBytes) }
  })
  const projectionLagEvents = inTime(async () => {
    const head = await log.head()
    return new Map(
      projector.status().map(({ name, position }) => [name, Math.max(0, Number(head - position))]),
    )
  })
  const diskFreeRatio = inTime(async () => {
    const { bavail, blocks } = await statfs(dataDirectory)
    return bavail / blocks
  })
  return async () => {
    const [cache, lag, disk] = await Promise.all([
      cacheBytes(),
      projectionLagEvents(),
      diskFreeRatio(),
    ])
    return {
      cacheBytes: cache,
      projectionLagEvents: lag,
      diskFreeRatio: disk,
      database: {
        usedConnections: pool.totalCount - pool.idleCount,
        waitingRequests: pool.waitingCount,
      },
      breakers: new Map(
        [...upstream.breakers()].map(([origin, { state }]) => [new URL(origin).host, state]),
      ),
    }
  }
}

/**
 * undefined when it fails or takes too long. One that still hangs isn't begun again, or scrapes would
 * use up the connections of a database that is in trouble.
 */
function inTime<Value>(read: () => Promise<Value>): () => Promise<Value | undefined> {
  let underWay: Promise<Value | undefined> | undefined
  return async () => {
    underWay ??= read()
      .catch(() => undefined)
      .finally(() => (underWay = undefined))
    const limit = new AbortController()
    const late = delay(readMsMax, undefined, { signal: limit.signal }).catch(() => undefined)
    const value = await Promise.race([underWay, late])
    limit.abort()
    return value
  }
}
