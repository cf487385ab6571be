import type { Guesser } from '../access/token-guesses.ts'
import type { PackageName } from '../composer/names.ts'
import type { ConditionCode } from '../events/alert-types.ts'
import type { Position, Sha256 } from '../events/types.ts'
import { addSeconds, type Instant, instantFromMs, trimmedInstant } from '../time-machine/instant.ts'
import type { BreakerState, OriginState } from '../upstream/breaker.ts'

/** What a condition is of. */
export interface ConditionName {
  readonly code: ConditionCode
  readonly subject: string
}

export interface Condition extends ConditionName {
  /** Sentences in our own words: what upstream wrote is not for an operator's alerts. */
  readonly detail: string
}

/** How long it must hold before somebody is told: what passes by itself needs nobody. */
export function opensAfterSeconds(code: ConditionCode, cleanupIntervalSeconds: number): number {
  switch (code) {
    case 'upstream_failing':
      return 60
    case 'feed_lagging':
      return 120 // after a pause of the service the feed has to be read first
    case 'cache_over_limit':
      return 1.1 * cleanupIntervalSeconds + 60 // there was a cleanup meanwhile
    case 'upstream_rate_limiting':
    case 'archives_refused':
    case 'disk_nearly_full':
    case 'projection_stopped':
    case 'private_archive_lost':
    case 'token_guesses':
      return 0
    default:
      return code satisfies never
  }
}

/** What a look at one part of the service found. */
export interface Findings {
  readonly holds: readonly Condition[]
  /** What can't be told now: it neither begins nor ends. */
  readonly unknown: readonly ConditionName[]
}

/**
 * Origins that fail, and those that asked to be left alone.
 *
 * @param open alerts of these codes: until the origin is seen to be well, nothing is known of it, as long
 * as `mayBeAsked`. After a restart it may not have been asked yet.
 */
export function upstreamFindings(
  breakers: ReadonlyMap<string, OriginState>,
  {
    open,
    mayBeAsked,
  }: {
    readonly open: readonly ConditionName[]
    readonly mayBeAsked: (origin: string) => boolean
  },
): Findings {
  return {
    holds: [...breakers].flatMap(([origin, breaker]) => troubleOf(origin, breaker)),
    unknown: open.filter(({ subject }) => !isWell(breakers.get(subject)) && mayBeAsked(subject)),
  }
}

function isWell(breaker: BreakerState | undefined): boolean {
  if (breaker?.state !== 'closed' || breaker.lastSuccessAtMs === undefined) return false
  return breaker.consecutiveFailures === 0
}

function troubleOf(subject: string, breaker: OriginState): readonly Condition[] {
  const { state, lastError, lastProblem, consecutiveFailures, lastSuccessAtMs } = breaker
  if (state === 'closed') return []
  if (lastError === 'paused') {
    const detail = `${subject} answered that it is asked too often or wants a pause.`
    return [{ code: 'upstream_rate_limiting', subject, detail }]
  }
  const last =
    lastSuccessAtMs === undefined
      ? 'none succeeded since the start'
      : `the last one that succeeded ended at ${shown(instantFromMs(lastSuccessAtMs))}`
  const why = lastProblem === undefined ? '' : ` (${lastProblem})`
  const detail = `The last ${consecutiveFailures} requests to ${subject} failed${why}; ${last}.`
  return [{ code: 'upstream_failing', subject, detail }]
}

/** A host of archives, since one was last had from it. */
export interface RefusingHost {
  readonly host: string
  /** How many different ones it refused, up to 100. */
  readonly archives: number
  /** Whether it gave any since the start. */
  readonly hasGiven: boolean
  readonly lastProblem: string | undefined
}

/** One package that is taken down may have a few archives; a host that refuses as many in a row refuses us. */
const refusedMin = 5

/**
 * Hosts that refuse archives.
 *
 * @param open alerts of this: until an archive is had from the host, nothing is known of it, as long as `mayBeAsked`.
 */
export function refusalFindings(
  hosts: readonly RefusingHost[],
  {
    open,
    mayBeAsked,
  }: {
    readonly open: readonly ConditionName[]
    readonly mayBeAsked: (host: string) => boolean
  },
): Findings {
  const holds = hosts.flatMap(({ host: subject, archives, lastProblem = '' }): Condition[] => {
    if (archives < refusedMin) return []
    const detail = `${subject} refused at least ${archives} different archives in a row (${lastProblem}).`
    return [{ code: 'archives_refused', subject, detail }]
  })
  const given = new Set(hosts.filter(({ hasGiven }) => hasGiven).map(({ host }) => host))
  return {
    holds,
    unknown: open.filter(({ subject }) => !given.has(subject) && mayBeAsked(subject)),
  }
}

export interface FeedSight {
  /** Of the upstream repository. */
  readonly origin: string
  /** Whether the root file, as it was recorded last, names a feed. */
  readonly isNamed: boolean
  /** undefined: no page of it was ever read. */
  readonly lastReadAt: Instant | undefined
  readonly intervalSeconds: number
  readonly now: Instant
}

const lateIntervals = 5
const lateSecondsMin = 300

/** A feed that isn't read any more. An upstream that never had one is followed by time to live alone. */
export function feedFindings(sight: FeedSight, upstream: BreakerState | undefined): Findings {
  const { origin: subject, isNamed, lastReadAt, intervalSeconds, now } = sight
  const name = { code: 'feed_lagging', subject } as const
  // Upstream as a whole is what is wrong then, and has an alert of its own.
  if (upstream !== undefined && upstream.state !== 'closed') return { holds: [], unknown: [name] }
  const lateSeconds = Math.max(lateIntervals * intervalSeconds, lateSecondsMin)
  const isLate = lastReadAt === undefined || addSeconds(lastReadAt, lateSeconds) <= now
  if (isNamed ? !isLate : lastReadAt === undefined) return { holds: [], unknown: [] }
  const last =
    lastReadAt === undefined ? 'It was never read.' : `It was read last at ${shown(lastReadAt)}.`
  const what = isNamed
    ? 'The change feed gives no answer of use.'
    : 'The root file no longer names a change feed.'
  return { holds: [{ ...name, detail: `${what} ${last}` }], unknown: [] }
}

export function cacheFindings(totalBytes: bigint, maxSizeBytes: number): Findings {
  if (totalBytes <= BigInt(maxSizeBytes)) return { holds: [], unknown: [] }
  const detail = `Archives take ${totalBytes} bytes, and the limit is ${maxSizeBytes}.`
  return {
    holds: [{ code: 'cache_over_limit', subject: 'PROXY_MAX_CACHE_SIZE', detail }],
    unknown: [],
  }
}

export interface DiskSpace {
  /** What this process may still use. */
  readonly freeBytes: number
  readonly totalBytes: number
}

const freePercentMin = 10
/** A disk that is about as full as that must not open and resolve the alert again and again. */
const freePercentWell = 12

export function diskFindings(
  { freeBytes, totalBytes }: DiskSpace,
  open: readonly ConditionName[],
): Findings {
  const freePercent = (100 * freeBytes) / totalBytes
  if (freePercent >= (open.length > 0 ? freePercentWell : freePercentMin)) {
    return { holds: [], unknown: [] }
  }
  const detail = `${freeBytes} of ${totalBytes} bytes are free on the disk of DATA_DIR.`
  return { holds: [{ code: 'disk_nearly_full', subject: 'DATA_DIR', detail }], unknown: [] }
}

export interface ProjectionSight {
  readonly name: string
  readonly position: Position
  readonly state: 'running' | 'stopped'
  /** Of the first event that it hasn't applied; undefined: there is none. */
  readonly behindSince: Instant | undefined
}

const behindSecondsMax = 120

/** Read models that stopped, or that have long not come up with the log. */
export function projectionFindings(sights: readonly ProjectionSight[], now: Instant): Findings {
  const holds = sights.flatMap(({ name: subject, position, state, behindSince }): Condition[] => {
    const code = 'projection_stopped'
    if (state === 'stopped') {
      const detail = `The read model ${subject} met an event after position ${position} that it can't apply.`
      return [{ code, subject, detail }]
    }
    if (behindSince === undefined || addSeconds(behindSince, behindSecondsMax) > now) return []
    const detail = `The read model ${subject} is at position ${position} and lacks what was recorded since ${shown(behindSince)}.`
    return [{ code, subject, detail }]
  })
  return { holds, unknown: [] }
}

/** A version of a package of ours whose archive isn't there. */
export interface LostVersion {
  readonly packageName: PackageName
  readonly version: string
  readonly sha256: Sha256
}

export function lostArchiveFindings(lost: readonly LostVersion[]): Findings {
  const holds = lost.map(({ packageName, version, sha256 }): Condition => {
    const subject = `${packageName} ${version} ${sha256.slice(0, 12)}`
    const detail = `The archive of ${packageName} ${version} with the SHA-256 ${sha256} is damaged or gone.`
    return { code: 'private_archive_lost', subject, detail }
  })
  return { holds, unknown: [] }
}

/** Each is an alert of its own; from a botnet it would be thousands. */
const guessersShownMax = 20

export function guessFindings(guessers: readonly Guesser[]): Findings {
  const code = 'token_guesses'
  const holds = guessers.slice(0, guessersShownMax).map(({ from, tokens }): Condition => {
    return { code, subject: from, detail: `${tokens} wrong tokens were shown from ${from}.` }
  })
  const more = guessers.length - holds.length
  if (more > 0) {
    const detail = `Hundreds of wrong tokens were shown from each of ${more} further addresses.`
    holds.push({ code, subject: 'further addresses', detail })
  }
  return { holds, unknown: [] }
}

const shown = trimmedInstant
