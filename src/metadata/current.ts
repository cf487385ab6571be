import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { documentInWords, type DocumentName, rootDocument } from '../composer/names.ts'
import { AppError } from '../errors.ts'
import type { FetchCause, Sha256 } from '../events/types.ts'
import { type Instant, msOfInstant } from '../time-machine/instant.ts'
import type { CacheResult } from '../telemetry/observer.ts'
import { type Why, wordsFor } from '../upstream/causes.ts'
import type { Asking } from './asking.ts'
import type { IsDoubted } from './denial.ts'
import type { LookedUp, LookUp } from './look-up.ts'
import type { Refresh } from './refresh.ts'

/** What the read model says of a document now; see projections/document-queries.ts for each field. */
export interface CurrentState {
  readonly sha256: Sha256 | null
  readonly served_last_modified: Instant | null
  readonly checked_at: Instant | null
  readonly verified_at: Instant | null
  readonly missing_since: Instant | null
  readonly gone: boolean
  readonly failed_at: Instant | null
  readonly failed_cause: FetchCause | null
  readonly failed_status: number | null
  /** Somebody wants it asked for again, however fresh it is. */
  readonly purged: boolean
}

export interface CurrentAnswer {
  readonly sha256: Sha256
  readonly lastModified: Instant
  /** How long ago upstream was seen to have these bytes, when that is longer than it should be. */
  readonly staleSeconds: number | undefined
}

export interface CurrentOptions {
  readonly currentState: (document: DocumentName) => Promise<CurrentState | undefined>
  readonly isDoubted: IsDoubted
  readonly refresh: Refresh
  readonly now: () => Instant
  readonly metadataTtlSeconds: number
  /** Takes the place of `refresh` for documents of which there never were any bytes. */
  readonly lookUp: LookUp
  /** Of the repository that documents are fetched from. */
  readonly upstreamHost: string
  readonly logger: Logger
}

/**
 * The document to serve now, refreshed first when it isn't fresh.
 *
 * @throws AppError `package_not_found` when upstream itself has no such document;
 * `upstream_unavailable` when nothing is known of it and upstream gives no answer; `allowance_used_up`
 * when upstream isn't asked because who asks has made up too many names.
 */
export type CurrentDocument = (document: DocumentName, asking?: Asking) => Promise<CurrentAnswer>

/** With a copy at hand nobody waits longer for upstream; the refresh goes on behind the answer. */
const foregroundWaitMs = 2_000
/** Who can do without waits no longer, with a copy at hand and without one. */
const shortWaitMs = { kept: 250, none: 4_000 } as const
/** After a failed fetch upstream isn't asked again for this long: what we have is served, or that there is nothing. */
const failurePauseSeconds = 5
/** How long "no such document" is believed without asking again. */
const missingTtlSeconds = 60
/** For how long it is asked for again all the same when the feed says nothing of it. */
const newlyMissingSeconds = 300

export function createCurrentDocument(options: CurrentOptions): CurrentDocument {
  const { currentState, now, metadataTtlSeconds } = options

  /** undefined: never asked, so there is no age. */
  function ageSeconds(at: Instant | null): number | undefined {
    return at === null ? undefined : (msOfInstant(now()) - msOfInstant(at)) / 1000
  }
  function isWithin(at: Instant | null, seconds: number): boolean {
    const age = ageSeconds(at)
    return age !== undefined && age < seconds
  }
  async function needsRefresh(
    document: DocumentName,
    state: CurrentState | undefined,
  ): Promise<boolean> {
    if (state === undefined) return true
    if (failurePauseOf(state, now()) !== undefined) return false
    if (state.purged || (await isGoneInDoubt(document, state))) return true
    if (isNewlyMissing(state, isWithin)) return !isWithin(state.checked_at, missingTtlSeconds)
    const doubted = state.missing_since !== null
    const ttl = doubted ? Math.min(missingTtlSeconds, metadataTtlSeconds) : metadataTtlSeconds
    return !isWithin(state.verified_at, state.gone ? missingTtlSeconds : ttl)
  }
  async function isGoneInDoubt(
    document: DocumentName,
    { gone, missing_since: since, checked_at: at }: CurrentState,
  ): Promise<boolean> {
    return (
      gone && since !== null && at !== null && (await options.isDoubted(document, { since, at }))
    )
  }
  function answerFrom(
    document: DocumentName,
    state: CurrentState | undefined,
    lookedUp?: LookedUp,
  ): CurrentAnswer {
    const pauseSeconds = pauseOf(lookedUp)
    const isFailing = pauseSeconds !== undefined || hasFailed(state)
    if (isServable(state)) {
      const age = ageSeconds(state.verified_at) ?? 0
      const { sha256, served_last_modified } = state
      const isOld = age >= metadataTtlSeconds || state.purged
      const staleSeconds = isOld && isFailing ? age : undefined
      return { sha256, lastModified: served_last_modified, staleSeconds }
    }
    const retryAfterSeconds = pauseSeconds ?? failurePauseOf(state, now())
    const why = whyOf(lookedUp) ?? lastFailure(state, options.upstreamHost)
    throw noDocument(document, { isGone: isMissing(state, lookedUp), retryAfterSeconds, why })
  }

  return async (document, asking = {}) => {
    const { note = () => undefined } = asking
    const state = await currentState(document)
    if (!(await needsRefresh(document, state))) {
      note(kept(state))
      return answerFrom(document, state)
    }
    const lookedUp = await refreshBehind({ document, state, asking }, options)
    const after = await currentState(document)
    note(fetched(lookedUp, after))
    return answerFrom(document, after, lookedUp)
  }
}

/** The feed tells of a change, and not that upstream was wrong to deny what was there already. */
function isNewlyMissing(
  { gone, sha256, missing_since }: CurrentState,
  isWithin: (at: Instant | null, seconds: number) => boolean,
): boolean {
  return gone && sha256 === null && isWithin(missing_since, newlyMissingSeconds)
}

interface ToRefresh {
  readonly document: DocumentName
  readonly state: CurrentState | undefined
  readonly asking: Asking
}

/** With a copy at hand it is waited for a little, else until it is done. */
async function refreshBehind(
  { document, state, asking }: ToRefresh,
  options: CurrentOptions,
): Promise<LookedUp | undefined> {
  const { canDoWithout = false } = asking
  if (state === undefined || state.sha256 === null) {
    const lookedUp = options.lookUp(document, asking)
    return canDoWithout ? await within(shortWaitMs.none, lookedUp) : await lookedUp
  }
  if (!isServable(state)) return await options.refresh(document)
  const waitMs = canDoWithout ? shortWaitMs.kept : foregroundWaitMs
  return await within(waitMs, refreshQuietly(document, options))
}

/** What comes in time; it goes on behind the answer otherwise. */
async function within<Outcome>(
  waitMs: number,
  outcome: Promise<Outcome>,
): Promise<Outcome | undefined> {
  return await Promise.race([outcome, delay(waitMs, undefined, { ref: false })])
}

/** There when upstream wasn't asked because it is given time to recover. */
function pauseOf(lookedUp: LookedUp | undefined): number | undefined {
  return lookedUp?.outcome === 'paused' ? lookedUp.retryAfterSeconds : undefined
}

function whyOf(lookedUp: LookedUp | undefined): Why | undefined {
  return lookedUp !== undefined && 'why' in lookedUp ? lookedUp.why : undefined
}

/** What is recorded of it; a failure that an answer followed is none. */
function lastFailure(state: CurrentState | undefined, host: string): Why | undefined {
  const { failed_cause: cause = null, failed_status: status = null } = state ?? {}
  if (cause === null || !hasFailed(state)) return undefined
  return { cause, host, ...(status !== null && { status }) }
}

/** Whether upstream says "no such": in an answer that isn't recorded, or else in the last one that is. */
function isMissing(state: CurrentState | undefined, lookedUp: LookedUp | undefined): boolean {
  if (lookedUp !== undefined && 'answer' in lookedUp) return lookedUp.answer === 'missing'
  return state?.gone === true && pauseOf(lookedUp) === undefined && !hasFailed(state)
}

function kept(state: CurrentState | undefined): CacheResult {
  if (!isServable(state)) return 'negative'
  return hasFailed(state) ? 'stale' : 'hit'
}

/** @param refreshed undefined: it isn't waited for any longer, or failed by our own fault. */
function fetched(refreshed: LookedUp | undefined, after: CurrentState | undefined): CacheResult {
  if (refreshed?.outcome === 'known') return 'negative'
  const isRecorded = refreshed?.outcome === 'recorded'
  if ((!isRecorded || hasFailed(after)) && isServable(after)) return 'stale'
  return isRecorded && refreshed.isShared ? 'coalesced' : 'miss'
}

/** With a copy at hand, an error of our own (a standby, a full disk) is no reason not to serve it. */
async function refreshQuietly(
  document: DocumentName,
  { refresh, logger }: CurrentOptions,
): Promise<LookedUp | undefined> {
  try {
    return await refresh(document)
  } catch (error) {
    logger.error(
      { err: error, document },
      `${documentInWords(document)} could not be refreshed; it is served as it is`,
    )
    return undefined
  }
}

function noDocument(
  document: DocumentName,
  about: {
    readonly isGone: boolean
    readonly retryAfterSeconds: number | undefined
    readonly why: Why | undefined
  },
): AppError {
  const { isGone, retryAfterSeconds, why } = about
  if (isGone && document !== rootDocument) {
    return new AppError('package_not_found', `${documentInWords(document)} isn't known upstream`)
  }
  const cause = why === undefined ? 'upstream gives no answer now' : wordsFor(why)
  const message = `${documentInWords(document)} isn't cached here, and ${cause}`
  const when = retryAfterSeconds === undefined ? {} : { retryAfterSeconds }
  return new AppError('upstream_unavailable', message, when)
}

/** How long upstream isn't asked again because it failed. */
function failurePauseOf(state: CurrentState | undefined, present: Instant): number | undefined {
  const failedAt = hasFailed(state) ? state?.failed_at : undefined
  if (failedAt === undefined || failedAt === null) return undefined
  const age = Math.max(0, msOfInstant(present) - msOfInstant(failedAt)) / 1000
  return age < failurePauseSeconds ? Math.ceil(failurePauseSeconds - age) : undefined
}

/** A failure counts until upstream answers, or its feed says that nothing has changed. */
function hasFailed({ failed_at = null, verified_at = null }: Partial<CurrentState> = {}): boolean {
  return failed_at !== null && (verified_at === null || failed_at >= verified_at)
}

interface ServableState extends CurrentState {
  readonly sha256: Sha256
  readonly served_last_modified: Instant
}

function isServable(state: CurrentState | undefined): state is ServableState {
  return state !== undefined && state.sha256 !== null && !state.gone
}
