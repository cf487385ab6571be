import type { Logger } from 'pino'
import {
  readFollowedFeed,
  readLagging,
  readNews,
  readUnseen,
} from '../../projections/document-queries.ts'
import type { Config } from '../config.ts'
import type { Db } from '../database/schema.ts'
import type { Digestion } from '../digestion/digestion.ts'
import type { EventLog } from '../events/log.ts'
import { feedStream } from '../events/types.ts'
import { endpointsIfKnown, type ReadEndpoints } from '../metadata/endpoints.ts'
import { createFollowFeed, type FollowFeed } from '../metadata/follow-feed.ts'
import type { NameLists } from '../metadata/name-lists.ts'
import type { Refresh } from '../metadata/refresh.ts'
import type { Reserved } from '../private/reserved.ts'
import { type Projector, waitingFor } from '../projector/run.ts'
import type { Instant } from '../time-machine/instant.ts'
import { alsoAt, createAddressGuard } from '../upstream/address-guard.ts'
import { readChangeFeed } from '../upstream/change-feed.ts'
import type { Upstream } from '../upstream/client.ts'
import { jobTimeouts } from '../upstream/timeouts.ts'
import type { RunningJob, startJob } from './every.ts'
import { startSharedJob } from './shared-job.ts'

export interface FeedJobOptions {
  readonly config: Config
  readonly outside: {
    readonly now: () => Instant
    readonly random: () => number
    readonly logger: Logger
    readonly startJob?: typeof startJob
  }
  readonly upstream: Upstream
  readonly db: Db
  readonly log: EventLog
  readonly projector: Projector
  readonly digestion: Digestion
  readonly endpoints: ReadEndpoints
  readonly refresh: Refresh
  readonly nameLists: Pick<NameLists, 'newest'>
  readonly reservedNames: Reserved['reservedNames']
}

/** Follows upstream's change feed, on one node at a time. undefined: the operator wants none. */
export function startFeedJob(options: FeedJobOptions): RunningJob | undefined {
  const { config, db, outside } = options
  const { feedIntervalSeconds, proxyEnabled } = config
  if (feedIntervalSeconds === 0 || !proxyEnabled) return undefined
  const run = buildFollowFeed(options)
  const job = { name: 'change feed', intervalSeconds: feedIntervalSeconds, run }
  return startSharedJob(job, { db, ...outside })
}

function buildFollowFeed(options: FeedJobOptions): FollowFeed {
  const { config, outside, upstream, db, log, projector } = options
  const { endpoints, refresh, nameLists, reservedNames } = options
  const { digest } = options.digestion
  const { packagistUrl, upstreamTimeoutSeconds } = config
  const { now, logger } = outside
  const timeouts = jobTimeouts(upstreamTimeoutSeconds * 1000)
  const stream = feedStream(packagistUrl)
  return createFollowFeed({
    // The root file isn't in the feed, so it is asked for again when its time to live is over.
    feedUrl: async () => (await endpointsIfKnown(endpoints)).metadataChanges,
    async readChangeFeed(feedUrl, since) {
      const guard = createAddressGuard(packagistUrl, alsoAt(feedUrl))
      return await readChangeFeed(
        { client: upstream.client({ guard, timeouts }), digest },
        feedUrl,
        since,
      )
    },
    stream,
    followedFeed: async () => await readFollowedFeed(db, stream),
    newestList: nameLists.newest,
    async news(changes) {
      return await readNews(db, changes, (await reservedNames()).patterns)
    },
    async unseen(limit) {
      const { patterns } = await reservedNames()
      return await readUnseen(db, { now: now(), limit, reservedPatterns: patterns })
    },
    lagging: async (documents) => await readLagging(db, documents),
    refresh,
    log,
    until: waitingFor(projector, 'document'),
    now,
    logger,
  })
}
