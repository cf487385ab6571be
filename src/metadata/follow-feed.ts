import type { Logger } from 'pino'
import type { FeedAction } from '../composer/change-page.ts'
import { documentName, type DocumentName } from '../composer/names.ts'
import { createPause } from '../event-loop.ts'
import type { EventLog } from '../events/log.ts'
import type { Position } from '../events/types.ts'
import { addSeconds, type Instant, instantFromMs } from '../time-machine/instant.ts'
import { possibleDate } from '../time-machine/possible-date.ts'
import type { FeedAnswer } from '../upstream/change-feed.ts'
import { comparableWith, type Comparable, comparePage } from './compare-page.ts'
import { eventsOfPage, type FeedRead } from './feed-events.ts'
import type { NewestList } from './name-lists.ts'
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
    | {
        readonly feed: string
        readonly until: number
        readonly readAt: Instant
        /** The list of names that its pages were compared with, if they were. */
        readonly list?: string
      }
    | undefined
}

export interface FollowFeedOptions {
  /** Where upstream's root file says that the feed is; undefined: upstream has none. */
  readonly feedUrl: () => Promise<string | undefined>
  readonly readChangeFeed: (feedUrl: string, since: number | undefined) => Promise<FeedAnswer>
  /** Of the feed's events. */
  readonly stream: string
  readonly followedFeed: () => Promise<FollowedFeed>
  /** Of upstream's names, to compare pages with; undefined: there is none of use. */
  readonly newestList: () => Promise<NewestList | undefined>
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
/** News of so many known documents are 50 events or so; more are a resync, as Packagist says it of 100,000 changes of all. */
const newsMax = 20_000
/** A resync of everything takes several steps, so that news needn't wait for its end. */
const fetchesPerStepMax = 1_000
/** Half of what upstream may be asked at once: the other half is for those who wait for an answer. */
const fetchesAtOnceMax = 5
/** So many errors of our own are more than one bad document. */
const errorsPerStepMax = 5
/** How long until an edge server that is behind has what the feed told, and how often it is asked again. */
const edgeLagMs = 2_000
const edgeLagRetriesMax = 3

export function createFollowFeed(options: FollowFeedOptions): FollowFeed {
  const readPage = createReadPage(options)
  return async (step) => {
    const feed = await options.feedUrl()
    if (feed === undefined) return
    const { streamVersion, last } = await options.followedFeed()
    const before = last?.feed === feed ? last : undefined
    const comparable = comparableWith(await options.newestList(), before, options.now())
    const read = await readPage(feed, before, comparable)
    if (read === undefined) return
    const news = await options.news(read.changes)
    const page = news.length > newsMax ? { ...read.page, resync: true } : read.page
    const compared = await comparePage({ ...read, ...page }, comparable)
    const { log, stream, until } = options
    const events = await eventsOfPage(page, news.length > newsMax ? [] : news, compared)
    const result = await log.append({ stream, expected: streamVersion, events })
    // Another node has read the same page, and fetches what it names.
    if (result.outcome === 'conflict') return
    await until(result.events.at(-1)?.position ?? 0n)
    await fetchUnseen(new Set(news.map(({ document }) => document)), step, options)
  }
}

type ReadPage = (
  feed: string,
  before: FollowedFeed['last'],
  comparable: Comparable | undefined,
) => Promise<{ readonly page: FeedRead; readonly changes: readonly NamedChange[] } | undefined>

/** Says in the log when the feed begins to fail and when it has recovered, not each time. */
function createReadPage({ readChangeFeed, now, logger }: FollowFeedOptions): ReadPage {
  let isFailing = false
  return async (feed, before, comparable) => {
    const since = before && beginningAfter(before, comparable)
    // Before the question: a change that comes while it is answered may be missing in the answer.
    const readAt = now()
    const answer = await readChangeFeed(feed, since)
    if (answer.outcome !== 'page' && answer.outcome !== 'bootstrap') {
      if (!isFailing) logger.warn({ feed, ...answer }, 'the change feed gives no answer of use')
      isFailing = true
      return undefined
    }
    if (isFailing) logger.info({ feed }, 'the change feed answers again')
    isFailing = false
    const resync = isIncomplete(answer, { before, readAt })
    logger.debug({ feed, since, ...countsOf(answer), resync }, 'change feed read')
    const actions = answer.outcome === 'page' && !resync ? answer.actions : []
    return {
      page: { feed, since, until: answer.until, resync, readAt },
      changes: await changesNamed(actions, readAt),
    }
  }
}

/** A page that is compared with a list for the first time goes back to before the list was fetched. */
function beginningAfter(
  { until }: NonNullable<FollowedFeed['last']>,
  comparable: Comparable | undefined,
): number {
  const next = until - overlapSeconds * unitsPerSecond
  const { fromMs } = comparable ?? {}
  const from = fromMs === undefined ? next : Math.floor((fromMs / 1000) * unitsPerSecond)
  return Math.max(0, Math.min(next, from))
}

function countsOf(answer: FeedAnswer): Readonly<Record<string, number>> {
  if (answer.outcome !== 'page') return {}
  return { actions: answer.actions.length, droppedActions: answer.droppedActions }
}

/** Whether the answer leaves out changes since the page before. */
function isIncomplete(
  answer: Extract<FeedAnswer, { outcome: 'page' | 'bootstrap' }>,
  { before, readAt }: { readonly before: FollowedFeed['last']; readonly readAt: Instant },
): boolean {
  if (answer.outcome === 'bootstrap' || answer.resync || before === undefined) return true
  // A feed that counts backwards was set back, or was ahead by mistake, and so has lost changes.
  return answer.until < before.until || readAt >= addSeconds(before.readAt, reachSeconds)
}

async function changesNamed(
  actions: readonly FeedAction[],
  readAt: Instant,
): Promise<readonly NamedChange[]> {
  const pause = createPause()
  const changes: NamedChange[] = []
  for (const action of actions) {
    changes.push(...namedBy(action, readAt))
    await pause()
  }
  return changes
}

/** A change without a date that can be has been there since it was told of. */
function namedBy(action: FeedAction, readAt: Instant): readonly NamedChange[] {
  const changedAt = possibleDate(instantFromMs(action.atSeconds * 1000), readAt) ?? readAt
  if (action.type === 'update') return [{ document: action.document, change: 'update', changedAt }]
  return (['tags', 'branches'] as const).map((kind) => {
    return { document: documentName(action.packageName, kind), change: 'delete', changedAt }
  })
}

async function fetchUnseen(
  named: ReadonlySet<DocumentName>,
  step: Step,
  options: FollowFeedOptions,
): Promise<void> {
  let due = await options.unseen(fetchesPerStepMax)
  for (let retries = 0; due.length > 0; retries++) {
    if (retries > 0) await step.pause(edgeLagMs)
    const isDone = await refreshAll(due, step, options)
    if (!isDone || retries === edgeLagRetriesMax) return
    const lagging = await options.lagging(due)
    // What was named by an earlier page has been asked so often; it is asked again by later steps.
    due = lagging.filter((document) => named.has(document))
  }
}

/** @returns false when upstream or this node wants it to end. */
async function refreshAll(
  documents: readonly DocumentName[],
  { signal }: Step,
  { refresh, logger }: FollowFeedOptions,
): Promise<boolean> {
  const queue = documents.values()
  let isPaused = false
  let errors = 0
  const isOver = (): boolean => isPaused || signal.aborted || errors >= errorsPerStepMax

  async function worker(): Promise<void> {
    for (const document of queue) {
      if (isOver()) return
      try {
        const { outcome } = await refresh(document)
        if (outcome === 'paused') isPaused = true
      } catch (error) {
        // Whatever is wrong with this one must not keep the others from being fetched.
        errors += 1
        logger.error({ err: error, document }, `${document} has changed and couldn't be fetched`)
      }
    }
  }
  await Promise.all(Array.from({ length: fetchesAtOnceMax }, worker))
  return !isOver()
}
