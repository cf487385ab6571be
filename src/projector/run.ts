import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { isPassing } from '../database/errors.ts'
import type { Db } from '../database/schema.ts'
import { AppError } from '../errors.ts'
import type { EventLog } from '../events/log.ts'
import type { Position, RecordedEvent } from '../events/types.ts'
import { applyBatch, ensureBuild, readCheckpoint } from './checkpoint.ts'
import { type Projection, type ProjectionSources, schemaOf } from './projection.ts'
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
   * Is told what a read model shows from now on, whichever node applied it, before `until` says so; of
   * each event once for each read model. undefined: which events isn't known.
   */
  readonly onShown?: (events: readonly RecordedEvent[] | undefined) => void
}

export interface ProjectionStatus {
  readonly name: string
  readonly version: number
  readonly position: Position
  /** `stopped`: it met an event that it can't apply, which `error` names; it never skips one. */
  readonly state: 'running' | 'stopped'
  readonly error: string | undefined
}

export interface Projector {
  /**
   * Resolves once every projection has applied all events up to `position`, or the one that is named.
   *
   * @throws AppError `still_catching_up` when one is stopped, or it takes longer than 10 s.
   */
  readonly until: (position: Position, name?: string) => Promise<void>
  readonly status: () => readonly ProjectionStatus[]
  /** Whatever was appended before then, by `performance.now()`, every read model shows and was told of. */
  readonly shownUntilMs: () => number
  readonly stop: () => Promise<void>
}

const batchEventsMax = 500
const untilTimeoutMs = 10_000
const retryDelayMs = 500

/** Creates missing read models, then keeps all of them up with the log until stopped. */
export async function startProjector(options: ProjectorOptions): Promise<Projector> {
  const { db, projections } = options
  for (const projection of projections) await ensureBuild(db, projection)
  const stopping = new AbortController()
  const runners = await Promise.all(
    projections.map(async (projection) => await startRunner(projection, options, stopping.signal)),
  )
  return {
    async until(position, name) {
      const deadline = AbortSignal.timeout(untilTimeoutMs)
      setMaxListeners(0, deadline) // One for each projection is no leak.
      const wanted = runners.filter((runner) => [undefined, runner.status().name].includes(name))
      await Promise.all(wanted.map(async (runner) => await runner.until(position, deadline)))
    },
    status: () => runners.map((runner) => runner.status()),
    shownUntilMs: () => Math.min(...runners.map((runner) => runner.shownUntilMs())),
    async stop() {
      stopping.abort()
      await Promise.all(runners.map(async (runner) => await runner.end()))
    },
  }
}

interface Runner {
  readonly until: (position: Position, deadline: AbortSignal) => Promise<void>
  readonly status: () => ProjectionStatus
  readonly shownUntilMs: () => number
  /** After `stopping`: wakes it and waits until it has let go of the database. */
  readonly end: () => Promise<void>
}

async function startRunner(
  projection: Projection,
  options: ProjectorOptions,
  stopping: AbortSignal,
): Promise<Runner> {
  const { db, logger, pollIntervalMs = 250 } = options
  const schema = schemaOf(projection)
  const wakeUp = createWakeUp()
  let position = (await readCheckpoint(db, schema)) ?? 0n
  let failure: string | undefined
  let shownUntilMs = Number.NEGATIVE_INFINITY

  async function stepOrStop(): Promise<void> {
    try {
      const askedAtMs = performance.now()
      const { position: reached, isAll } = await applyNext(projection, position, options)
      const isMore = reached !== position
      position = reached
      if (isAll) shownUntilMs = askedAtMs
      wakeUp.announce()
      if (!isMore) await wakeUp.wait(pollIntervalMs)
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
  async function run(): Promise<void> {
    while (!stopping.aborted && failure === undefined) await stepOrStop()
    wakeUp.announce()
  }
  const ended = run()

  return {
    async end() {
      wakeUp.wake()
      await ended
    },
    status: () => ({
      name: projection.name,
      version: projection.version,
      position,
      state: failure === undefined ? 'running' : 'stopped',
      error: failure,
    }),
    shownUntilMs: () => shownUntilMs,
    async until(wanted, deadline) {
      const isThere = () => position >= wanted
      while (!isThere()) {
        if (failure !== undefined || deadline.aborted || stopping.aborted) throw stillCatchingUp()
        wakeUp.wake()
        await wakeUp.nextStep(deadline)
      }
    },
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function stillCatchingUp(): AppError {
  return new AppError('still_catching_up', 'Almanac is still catching up; try again shortly')
}

/** Returns how far the read model is then, and whether that is all there was when the log was asked. */
async function applyNext(
  projection: Projection,
  after: Position,
  { db, log, sources, onShown }: ProjectorOptions,
): Promise<{ readonly position: Position; readonly isAll: boolean }> {
  const events = await log.read(after, batchEventsMax)
  const last = events.at(-1)?.position
  if (last === undefined) return { position: after, isAll: true }
  const schema = schemaOf(projection)
  const position = await applyBatch(db, { projection, schema, events, after, sources })
  // Another node may have come further; what it hasn't come to yet is read once more.
  onShown?.(position > last ? undefined : events)
  return { position, isAll: events.length < batchEventsMax }
}
