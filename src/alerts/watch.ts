import type { Logger } from 'pino'
import type { EventLog } from '../events/log.ts'
import { newEvent } from '../events/new-event.ts'
import type { ConditionCode } from '../events/alert-types.ts'
import { alertsStream, type DomainEvent, type Position } from '../events/types.ts'
import { addSeconds, floorToSecond, type Instant } from '../time-machine/instant.ts'
import type { ConditionName, Findings } from './conditions.ts'

export interface OpenCondition extends ConditionName {
  readonly lastSeenAt: Instant
}

/** At one part of the service. */
export interface Look {
  readonly codes: readonly ConditionCode[]
  /** @param open alerts of these codes. */
  readonly look: (open: readonly ConditionName[]) => Promise<Findings>
}

export interface WatchOptions {
  readonly looks: readonly Look[]
  readonly openConditions: () => Promise<readonly OpenCondition[]>
  readonly log: EventLog
  /** Resolves once the alerts have everything up to `position`. */
  readonly until: (position: Position) => Promise<void>
  /** How long a condition must hold before it is an alert. */
  readonly opensAfterSeconds: (code: ConditionCode) => number
  readonly now: () => Instant
  readonly logger: Logger
}

/** A condition that comes back within this time was never over, so that one that flaps is one alert. */
const resolvesAfterSeconds = 120
/** While it lasts it is told again, which dates when it was seen last. */
const continuesAfterSeconds = 600

/**
 * One look at everything that can be wrong with the running service. What has begun, lasts or is over
 * is appended as an event. How long something has been so is remembered by this process alone: after a
 * restart an alert opens, or is resolved, that much later.
 */
export function createWatch(options: WatchOptions): () => Promise<void> {
  const { openConditions, log, until, now, opensAfterSeconds, logger } = options
  let holdingSince: Since = new Map()
  let overSince: Since = new Map()
  return async () => {
    // With alerts that are behind the log, what is open already would be opened again.
    await until(await log.head())
    const open = await openConditions()
    const { holds, unknown } = await lookAround(open, options)
    const over = open.filter((each) => ![...holds, ...unknown].some(isSameAs(each)))
    const present = now()
    holdingSince = keptSince(holdingSince, holds, present)
    overSince = keptSince(overSince, over, present)
    const isPast = (since: Instant | undefined, seconds: number): boolean =>
      since !== undefined && addSeconds(since, seconds) <= present
    /** Events that are recorded at once are microseconds apart, which must not be a whole look later. */
    function lastSeenAt(name: ConditionName): Instant | undefined {
      const found = open.find(isSameAs(name))
      return found && floorToSecond(found.lastSeenAt)
    }
    const events: readonly AlertEvent[] = [
      ...holds
        .filter((each) => lastSeenAt(each) === undefined)
        .filter((each) => isPast(holdingSince.get(keyOf(each)), opensAfterSeconds(each.code)))
        .map((data) => ({ type: 'AlertOpened', data }) as const),
      ...holds
        .filter((each) => isPast(lastSeenAt(each), continuesAfterSeconds))
        .map((data) => ({ type: 'AlertContinued', data }) as const),
      ...over
        .filter((each) => isPast(overSince.get(keyOf(each)), resolvesAfterSeconds))
        .map(({ code, subject }) => ({ type: 'AlertResolved', data: { code, subject } }) as const),
    ]
    if (events.length === 0) return
    const result = await log.append({
      stream: alertsStream,
      expected: 'any',
      events: events.map(newEvent),
    })
    for (const event of events) tell(logger, event)
    if (result.outcome === 'appended') await until(result.events.at(-1)?.position ?? 0n)
  }
}

/** A look that fails tells nothing about its codes, and keeps none of the others from being made. */
async function lookAround(
  open: readonly OpenCondition[],
  { looks, logger }: WatchOptions,
): Promise<Findings> {
  const findings = await Promise.all(
    looks.map(async ({ codes, look }) => {
      const concerned = open.filter(({ code }) => codes.includes(code))
      try {
        return await look(concerned)
      } catch (error) {
        logger.warn({ err: error, codes }, 'what may be wrong could not be looked at')
        return { holds: [], unknown: concerned }
      }
    }),
  )
  return {
    holds: findings.flatMap(({ holds }) => holds),
    unknown: findings.flatMap(({ unknown }) => unknown),
  }
}

/** Since when each of them has been so without a break. */
type Since = ReadonlyMap<string, Instant>

function keptSince(before: Since, names: readonly ConditionName[], present: Instant): Since {
  return new Map(names.map((name) => [keyOf(name), before.get(keyOf(name)) ?? present]))
}

function keyOf({ code, subject }: ConditionName): string {
  return `${code} ${subject}`
}

function isSameAs(name: ConditionName): (other: ConditionName) => boolean {
  return (other) => keyOf(other) === keyOf(name)
}

type AlertEvent = Extract<
  DomainEvent,
  { readonly type: 'AlertOpened' | 'AlertContinued' | 'AlertResolved' }
>

function tell(logger: Logger, { type, data }: AlertEvent): void {
  const { code: alert, ...about } = data
  if (type === 'AlertOpened') logger.error({ alert, ...about }, 'something is wrong')
  if (type === 'AlertResolved') logger.info({ alert, ...about }, 'this is right again')
}
