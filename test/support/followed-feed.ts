import { pino } from 'pino'
import { DocumentName, PackageName } from '../../src/composer/names.ts'
import type { Append } from '../../src/events/log.ts'
import type { DomainEvent, NewEvent } from '../../src/events/types.ts'
import { createFollowFeed, type FollowFeedOptions } from '../../src/metadata/follow-feed.ts'
import type { FeedAnswer, FeedPage } from '../../src/upstream/change-feed.ts'
import { createClock, type TestClock } from './clock.ts'

type Page = Extract<DomainEvent, { readonly type: 'ChangeFeedRead' }>['data']

export const until = 17_802_720_000_000
const seconds = 1_780_272_000

export interface FollowedRig {
  readonly step: () => Promise<void>
  readonly appended: readonly Append[]
  /** From where on pages were asked for. */
  readonly asked: readonly (number | undefined)[]
  readonly fetched: readonly string[]
  readonly pausesMs: readonly number[]
  /** Of the lines of the log. */
  readonly levels: readonly number[]
  readonly clock: TestClock
  readonly stop: AbortController
}

/** Follows a feed that answers with these, over read models that say what the options say. */
export function createRig(
  answers: readonly FeedAnswer[],
  options: Partial<FollowFeedOptions> = {},
): FollowedRig {
  const appended: Append[] = []
  const asked: (number | undefined)[] = []
  const fetched: string[] = []
  const pausesMs: number[] = []
  const levels: number[] = []
  const clock = createClock('2026-06-01T00:00:00Z')
  const stop = new AbortController()
  let last: { feed: string; until: number; readAt: ReturnType<typeof clock.now> } | undefined
  const follow = createFollowFeed({
    feedUrl: async () => 'https://packagist.example/changes.json',
    async readChangeFeed(_, since) {
      asked.push(since)
      return answers[asked.length - 1] ?? { outcome: 'none' }
    },
    stream: 'feed-packagist.example',
    followedFeed: async () => ({ streamVersion: appended.length, last }),
    newestList: async () => undefined,
    news: async (changes) => changes,
    unseen: async () => [],
    lagging: async () => [],
    async refresh(document) {
      fetched.push(document)
      return { outcome: 'recorded', isShared: false }
    },
    log: {
      async append(append) {
        appended.push(append)
        for (const { feed, until: next, readAt } of pagesIn(append)) {
          last = { feed, until: next, readAt }
        }
        return { outcome: 'appended', events: [] }
      },
      read: async () => [],
      readStream: async () => [],
      head: async () => 0n,
      positionAt: async () => 0n,
    },
    until: async () => {},
    now: clock.now,
    logger: pino({ level: 'info' }, { write: (line) => void levels.push(levelOf(line)) }),
    ...options,
  })
  return {
    step: async () =>
      await follow({ signal: stop.signal, pause: async (ms) => void pausesMs.push(ms) }),
    appended,
    asked,
    fetched,
    pausesMs,
    levels,
    clock,
    stop,
  }
}

function levelOf(line: string): number {
  return (JSON.parse(line) as { level: number }).level
}

export function pagesIn({ events }: { readonly events: readonly NewEvent[] }): readonly Page[] {
  return events.flatMap((event) => (event.type === 'ChangeFeedRead' ? [event.data] : []))
}

export function pageOf(updated: readonly string[], deleted: readonly string[] = []): FeedPage {
  const actions = [
    ...updated.map((name) => {
      return { type: 'update' as const, document: DocumentName.parse(name), atSeconds: seconds }
    }),
    ...deleted.map((name) => {
      return { type: 'delete' as const, packageName: PackageName.parse(name), atSeconds: seconds }
    }),
  ]
  return { outcome: 'page', since: 0, until, actions, resync: false, droppedActions: 0 }
}

export const begin: FeedAnswer = { outcome: 'bootstrap', until }
