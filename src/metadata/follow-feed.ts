import type { Logger } from 'pino'
import { documentName, type DocumentName, packageOfDocument } from '../composer/names.ts'
import type { EventLog } from '../events/log.ts'
import { newEvent } from '../events/new-event.ts'
import type { DomainEvent, Position } from '../events/types.ts'
import { addSeconds, type Instant, instantFromMs } from '../time-machine/instant.ts'
import type { FeedAction, FeedAnswer } from '../upstream/change-feed.ts'
import type { Refresh } from './refresh.ts'

/** What the feed says of one document. */
export interface NamedChange {
  readonly document: DocumentName
  readonly change: 'update' | 'delete'
  /** Since when upstream has it. */
  readonly changedAt: Instant
}

/** What the read models know of the feed. */
export interface FollowedFeed {
  /** Version of the feed's stream: what the next append expects. */
  readonly streamVersion: number
  /** undefined: it wasn't read before, or another one since. */
  readonly last:
    | { readonly feed: string; readonly until: number; readonly readAt: Instant }
    | undefined
}

export interface FollowFeedOptions {
  /** Where upstream's root file says that the feed is; undefined: upstream has none. */
  readonly feedUrl: () => Promise<string | undefined>
  readonly readChangeFeed: (feedUrl: string, since: number | undefined) => Promise<FeedAnswer>
  /** Of the feed's events. */
  readonly stream: string
  readonly followedFeed: () => Promise<FollowedFeed>
  /** Those of the changes that are of a known document, and neither fetched nor noted yet. */
  readonly news: (changes: readonly NamedChange[]) => Promise<readonly NamedChange[]>
  /** Documents to fetch because of what the feed told, those it named first. */
  readonly unseen: (limit: number) => Promise<readonly DocumentName[]>
  /** Those of the documents for which upstream answered without the change that its feed named. */
  readonly lagging: (documents: readonly DocumentName[]) => Promise<readonly DocumentName[]>
  readonly refresh: Refresh
  readonly log: EventLog
  /** Resolves once the read models have everything up to `position`. */
  readonly until: (position: Position) => Promise<void>
  readonly now: () => Instant
  readonly logger: Logger
}

/** How a step is run: see jobs/every.ts. */
export interface Step {
  readonly signal: AbortSignal
  readonly pause: (pauseMs: number) => Promise<void>
}

/**
 * One step: reads what has changed since the last one, records it, and fetches the known documents
 * among it, so that history is complete though nobody asks. A crash after the record loses nothing:
 * what wasn't fetched is still noted, and fetched by the next step, on whatever node.
 */
export type FollowFeed = (step: Step) => Promise<void>

/**
 * Every page begins so long before the end of the page before. What is seen twice is no news, and so
 * a change is still seen that was under way while its document was first fetched, or that the server
 * which was asked didn't have yet.
 */
const overlapSeconds = 120
const unitsPerSecond = 10_000
/** Packagist forgets changes after a day, and says so; other upstreams may not say it. */
const reachSeconds = 24 * 3600
/** Upstream's clock may be ahead of ours, but not by so much. */
const aheadSecondsMax = 300
/** In JSON, of the names in one event; the rest goes into more events. */
const namesBytesMax = 48 * 1024
/** A resync of everything takes several steps, so that news needn't wait for its end. */
const fetchesPerStepMax = 1_000
/** Half of what upstream may be asked at once: the other half is for those who wait for an answer. */
const fetchesAtOnceMax = 5
/** How long until an edge server that is behind has what the feed told, and how often it is asked again. */
const edgeLagMs = 2_000
const edgeLagRetriesMax = 3

export function createFollowFeed(options: FollowFeedOptions): FollowFeed {
  const { feedUrl, readChangeFeed, followedFeed, now, logger } = options
  let isFailing = false

  return async (step) => {
    const feed = await feedUrl()
    if (feed === undefined) return
    const followed = await followedFeed()
    const last = followed.last?.feed === feed ? followed.last : undefined
    // Before the question: a change that comes while it is answered may be missing in the answer.
    const readAt = now()
    const since = last && last.until - overlapSeconds * unitsPerSecond
    const answer = await readChangeFeed(feed, since)
    if (answer.outcome !== 'page' && answer.outcome !== 'bootstrap') {
      logger[isFailing ? 'debug' : 'warn']({ feed, ...answer }, 'the change feed gives no answer')
      isFailing = true
      return
    }
    if (isFailing) logger.info({ feed }, 'the change feed answers again')
    isFailing = false
    const isResync = answer.outcome === 'bootstrap' || answer.resync || hasGap(last, answer, readAt)
    const changes = isResync || answer.outcome === 'bootstrap' ? [] : answer.actions
    const news = await options.news(changes.flatMap((action) => namedBy(action, readAt)))
    const page = { feed, since, until: answer.until, resync: isResync, readAt }
    if (!(await record(page, news, { ...options, expected: followed.streamVersion }))) return
    logger.debug({ feed, resync: isResync, news: news.length }, 'change feed read')
    await fetchUnseen(step, options)
  }
}
