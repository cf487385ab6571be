import { setTimeout as delay } from 'node:timers/promises'
import { isPassing } from '../database/errors.ts'
import type { Position, RecordedEvent } from '../events/types.ts'
import { applyTogether } from './checkpoint.ts'
import type { Follower } from './follower.ts'
import type { ProjectorOptions } from './run.ts'
import type { WakeUp } from './wake-up.ts'

export interface Reader {
  /** Up to here it has read; read models that are further back catch up by themselves. */
  readonly position: () => Position
  /** After `stopping`: once it has let go of the database. */
  readonly ended: () => Promise<void>
}

interface ReaderOptions extends Pick<
  ProjectorOptions,
  'db' | 'log' | 'logger' | 'onShown' | 'pollIntervalMs'
> {
  readonly followers: readonly Follower[]
  readonly wakeUp: WakeUp
  readonly stopping: AbortSignal
}

/** With more than these at once each read model goes by itself, so that one that is slow stalls no other. */
const togetherEventsMax = 100
const retryDelayMs = 500

/** Reads each event once, and applies it to all read models that are there in one transaction. */
export function startReader(options: ReaderOptions): Reader {
  const { log, logger, followers, wakeUp, stopping, pollIntervalMs = 250 } = options
  let position = followers.map((follower) => follower.position()).reduce(larger, 0n)

  async function step(): Promise<void> {
    const askedAtMs = performance.now()
    const events = await log.read(position, togetherEventsMax)
    const isAll = events.length < togetherEventsMax
    if (isAll) await applyToReady(events, position, options)
    position = isAll ? (events.at(-1)?.position ?? position) : await log.head()
    for (const follower of followers) {
      if (follower.position() < position) follower.catchUp(() => position)
      else if (isAll) follower.shown(askedAtMs)
    }
    wakeUp.announce()
    if (events.length === 0) await wakeUp.wait(pollIntervalMs)
  }

  async function run(): Promise<void> {
    while (!stopping.aborted) {
      try {
        await step()
      } catch (error) {
        if (!isPassing(error)) {
          logger.error({ err: error, position }, 'the log can not be read on')
          break
        }
        logger.warn({ err: error }, 'projection waits for the database')
        await delay(retryDelayMs)
      }
    }
    // What can't be read no read model can pass: each stops there, and says so.
    for (const follower of followers) follower.catchUp(() => position + 1n)
    wakeUp.announce()
  }
  const ended = run()
  return { position: () => position, ended: async () => await ended }
}

function larger(one: Position, other: Position): Position {
  return one > other ? one : other
}

/** Who isn't there afterwards has to catch up: another node holds it, or it failed. */
async function applyToReady(
  events: readonly RecordedEvent[],
  after: Position,
  { db, followers, onShown, logger }: ReaderOptions,
): Promise<void> {
  const ready = followers.filter((follower) => follower.isReady() && follower.position() >= after)
  const last = events.at(-1)?.position
  if (last === undefined || ready.length === 0) return
  const builds = ready.map(({ build }) => build)
  const positions = await applyTogether(db, { builds, events, after }).catch((error: unknown) => {
    if (isPassing(error)) throw error
    // One of them can't apply one of these: alone, each of the others can.
    logger.warn({ err: error, after }, 'read models go on one by one')
    return new Map<string, Position>()
  })
  // Another node may have come further; what it hasn't come to yet is read once more.
  onShown?.([...positions.values()].some((reached) => reached > last) ? undefined : events)
  for (const { build, reached } of ready) {
    const now = positions.get(build.schema)
    if (now !== undefined) reached(now)
  }
}
