import { AppError } from '../errors.ts'
import type { EventLog } from '../events/log.ts'
import type { Position } from '../events/types.ts'
import { addSeconds, floorToSecond, type Instant } from '../time-machine/instant.ts'
import type { Basis } from './as-of.ts'

export interface BasisOptions {
  readonly log: Pick<EventLog, 'positionAt'>
  /** Resolves once the read models have everything up to `position`. */
  readonly until: (position: Position) => Promise<void>
  readonly now: () => Instant
}

/** Clocks differ a little; a pin further ahead than this would change under the one who uses it. */
const aheadSecondsMax = 300
/**
 * An append dates its events before it commits. Older than this, it has committed or was cancelled by
 * the timeouts of its connection, so nothing can be recorded at or before the instant any more.
 */
const settleSeconds = 60

/**
 * What an instant comes down to: one position for every document.
 *
 * @throws AppError `invalid_instant` when it is yet to come.
 */
export function createResolveBasis({ log, until, now }: BasisOptions) {
  return async (at: Instant): Promise<Basis> => {
    const present = now()
    refuseFuture(at, present)
    const position = await log.positionAt(at)
    await until(position)
    return { at, position, settled: addSeconds(at, settleSeconds) < present }
  }
}

/** The newest instant, in whole seconds, that nothing can be recorded at or before any more. */
export function newestSettled(present: Instant): Instant {
  return floorToSecond(addSeconds(present, -settleSeconds - 1))
}

/** @throws AppError `invalid_instant` when it is further ahead than clocks differ. */
export function refuseFuture(at: Instant, present: Instant): void {
  if (at <= addSeconds(present, aheadSecondsMax)) return
  throw new AppError(
    'invalid_instant',
    `${at} is yet to come, so what it shows would still change; ask for an instant up to now` +
      ' (a date stands for the end of that day, UTC)',
  )
}
