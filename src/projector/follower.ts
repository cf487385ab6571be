import { setTimeout as delay } from 'node:timers/promises'
import { isPassing } from '../database/errors.ts'
import type { Position } from '../events/types.ts'
import { applyBatch, type Build, readCheckpoint } from './checkpoint.ts'
import { type Projection, schemaOf } from './projection.ts'
import type { ProjectorOptions } from './run.ts'

export interface ProjectionStatus {
  readonly name: string
  readonly version: number
  readonly position: Position
  /** `stopped`: it met an event that it can't apply, which `error` names; it never skips one. */
  readonly state: 'running' | 'stopped'
  readonly error: string | undefined
}

/** A read model that follows the log. */
export interface Follower {
  readonly name: string
  readonly build: Build
  readonly position: () => Position
  /** Whether it can be given the next events with the others. */
  readonly isReady: () => boolean
  /** It was given events with the others, or another node gave it some. */
  readonly reached: (position: Position) => void
  /** Begins to catch up by itself, if it doesn't yet and isn't stopped, until it is where `to` says. */
  readonly catchUp: (to: () => Position) => void
  /** Whatever was appended before, by `performance.now()`, it shows. */
  readonly shown: (untilMs: number) => void
  readonly shownUntilMs: () => number
  readonly status: () => ProjectionStatus
  /** After `stopping`: once it has let go of the database. */
  readonly ended: () => Promise<void>
}

interface FollowerOptions extends ProjectorOptions {
  /** It has made a step. */
  readonly announce: () => void
  readonly stopping: AbortSignal
}

const batchEventsMax = 500
const retryDelayMs = 500

export async function openFollower(
  projection: Projection,
  options: FollowerOptions,
): Promise<Follower> {
  const { db, log, logger, announce, stopping, onShown } = options
  const schema = schemaOf(projection)
  const build: Build = { ...options, projection, schema }
  let position = (await readCheckpoint(db, schema)) ?? 0n
  let failure: string | undefined
  let shownUntilMs = Number.NEGATIVE_INFINITY
  let catchingUp: Promise<void> | undefined

  /** Applies the next events in a transaction of its own. */
  async function step(): Promise<void> {
    const events = await log.read(position, batchEventsMax)
    const last = events.at(-1)?.position ?? position
    const reached = await applyBatch(db, { ...build, events, after: position })
    // Another node may have come further; what it hasn't come to yet is read once more.
    onShown?.(reached > last ? undefined : events)
    position = reached
  }

  async function stepOrStop(): Promise<void> {
    try {
      await step()
    } catch (error) {
      if (isPassing(error)) {
        logger.warn({ err: error, schema }, 'projection waits for the database')
        await delay(retryDelayMs)
        return
      }
      failure = `after position ${position}: ${messageOf(error)}`
      logger.error({ err: error, schema }, `projection stopped ${failure}`)
    }
  }

  async function catchUp(to: () => Position): Promise<void> {
    while (position < to() && failure === undefined && !stopping.aborted) {
      await stepOrStop()
      announce()
    }
  }

  return {
    name: projection.name,
    build,
    position: () => position,
    isReady: () => catchingUp === undefined && failure === undefined,
    reached: (now) => (position = now),
    catchUp(to) {
      if (failure === undefined) catchingUp ??= catchUp(to).finally(() => (catchingUp = undefined))
    },
    shown: (untilMs) => (shownUntilMs = untilMs),
    shownUntilMs: () => shownUntilMs,
    status: () => ({
      name: projection.name,
      version: projection.version,
      position,
      state: failure === undefined ? 'running' : 'stopped',
      error: failure,
    }),
    ended: async () => await catchingUp,
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
