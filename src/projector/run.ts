import { setMaxListeners } from 'node:events'
import type { Logger } from 'pino'
import type { Db } from '../database/schema.ts'
import { AppError } from '../errors.ts'
import type { EventLog } from '../events/log.ts'
import type { ReadModelName } from '../events/concerns.ts'
import type { Position, RecordedEvent } from '../events/types.ts'
import { ensureBuild } from './checkpoint.ts'
import { openFollower, type ProjectionStatus } from './follower.ts'
import type { Projection, ProjectionSources } from './projection.ts'
import { startReader } from './reader.ts'
import { createWakeUp } from './wake-up.ts'

export interface ProjectorOptions {
  readonly db: Db
  readonly log: EventLog
  readonly projections: readonly Projection[]
  readonly sources: ProjectionSources
  readonly logger: Logger
  /** How soon what another node appended is seen here; own appends are seen at once. */
  readonly pollIntervalMs?: number
  /**
   * Is told what read models show from now on, whichever node applied it, before `waitFor` says so: of each event at
   * least once after the last of them shows it. undefined: which events isn't known.
   */
  readonly onShown?: (events: readonly RecordedEvent[] | undefined) => void
}

export interface Projector {
  /**
   * Resolves once the read models have applied all events up to `position`: those that whoever calls reads, or all.
   *
   * @throws AppError `still_catching_up` when one of them is stopped, or it takes longer than 10 s.
   */
  readonly waitFor: (position: Position, readModels?: readonly ReadModelName[]) => Promise<void>
  readonly status: () => readonly ProjectionStatus[]
  /** Whatever was appended before then, by `performance.now()`, every read model shows and was told of. */
  readonly shownUntilMs: () => number
  readonly stop: () => Promise<void>
}

const waitTimeoutMs = 10_000

/**
 * Creates missing read models, then keeps all of them up with the log until stopped.
 *
 * One reader applies each event to all read models at once. One that can't come along, as it is behind, is being
 * rebuilt, is held by another node, or fails, goes on by itself until it is there again.
 */
export async function startProjector(options: ProjectorOptions): Promise<Projector> {
  const { db, projections } = options
  for (const projection of projections) await ensureBuild(db, projection)
  const stopping = new AbortController()
  const wakeUp = createWakeUp()
  const parts = { ...options, stopping: stopping.signal, announce: wakeUp.announce }
  const followers = await Promise.all(
    projections.map(async (projection) => await openFollower(projection, parts)),
  )
  const reader = startReader({ ...parts, followers, wakeUp })

  return {
    async waitFor(position, readModels) {
      const read = followers.filter(({ name }) => readModels?.some((one) => one === name) ?? true)
      const deadline = AbortSignal.timeout(waitTimeoutMs)
      setMaxListeners(0, deadline) // One for each step is no leak.
      for (;;) {
        const missing = read.filter((follower) => follower.position() < position)
        if (missing.length === 0) return
        const isStopped = missing.some((follower) => follower.status().state === 'stopped')
        if (isStopped || deadline.aborted || stopping.signal.aborted) throw stillCatchingUp()
        if (reader.position() < position) wakeUp.wake()
        await wakeUp.nextStep(deadline)
      }
    },
    status: () => followers.map((follower) => follower.status()),
    shownUntilMs: () => Math.min(...followers.map((follower) => follower.shownUntilMs())),
    async stop() {
      stopping.abort()
      wakeUp.wake()
      await reader.ended()
      await Promise.all(followers.map(async (follower) => await follower.ended()))
    },
  }
}

/** Waits for those read models alone: one that whoever asks doesn't read may be stopped. */
export function waitingFor(
  { waitFor }: Pick<Projector, 'waitFor'>,
  ...readModels: readonly ReadModelName[]
): (position: Position) => Promise<void> {
  return async (position) => await waitFor(position, readModels)
}

function stillCatchingUp(): AppError {
  return new AppError('still_catching_up', 'Almanac is still catching up; try again shortly')
}
