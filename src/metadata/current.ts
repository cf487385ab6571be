import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type DocumentName, rootDocument } from '../composer/names.ts'
import { AppError } from '../errors.ts'
import type { Sha256 } from '../events/types.ts'
import { type Instant, msOfInstant } from '../time-machine/instant.ts'
import type { CacheResult, NoteResult } from '../telemetry/observer.ts'
import type { Refresh, Refreshed } from './refresh.ts'
import type { UnknownNames } from './unknown-names.ts'

/** What the read model says of a document now; see projections/document-queries.ts for each field. */
export interface CurrentState {
  readonly sha256: Sha256 | null
  readonly served_last_modified: Instant | null
  readonly verified_at: Instant | null
  readonly missing_since: Instant | null
  readonly gone: boolean
  readonly failed_at: Instant | null
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
  readonly refresh: Refresh
  readonly now: () => Instant
  readonly metadataTtlSeconds: number
  readonly unknownNames: UnknownNames
  readonly logger: Logger
}

/**
 * The document to serve now, refreshed first when it isn't fresh.
 *
 * @throws AppError `package_not_found` when upstream itself has no such document;
 * `upstream_unavailable` when nothing is known of it and upstream gives no answer, or isn't asked
 * because too many made-up names were asked for.
 */
export type CurrentDocument = (document: DocumentName, note?: NoteResult) => Promise<CurrentAnswer>

/** With a copy at hand nobody waits longer for upstream; the refresh goes on behind the answer. */
const foregroundWaitMs = 2_000
/** After a failed fetch, what we have is served for this long without asking again. */
const failurePauseSeconds = 5
/** How long "no such document" is believed without asking again. */
const missingTtlSeconds = 60

export function createCurrentDocument(options: CurrentOptions): CurrentDocument {
  const { currentState, refresh, now, metadataTtlSeconds, unknownNames } = options

  /** undefined: never asked, so there is no age. */
  function ageSeconds(at: Instant | null): number | undefined {
    return at === null ? undefined : (msOfInstant(now()) - msOfInstant(at)) / 1000
  }
  function isWithin(at: Instant | null, seconds: number): boolean {
    const age = ageSeconds(at)
    return age !== undefined && age < seconds
  }
  function needsRefresh(state: CurrentState | undefined): boolean {
    if (state === undefined) return true
    if (isServable(state) && isWithin(state.failed_at, failurePauseSeconds)) return false
    if (state.purged) return true
    const doubted = state.missing_since !== null
    const ttl = doubted ? Math.min(missingTtlSeconds, metadataTtlSeconds) : metadataTtlSeconds
    return !isWithin(state.verified_at, state.gone ? missingTtlSeconds : ttl)
  }
  /** @param pauseSeconds there when upstream wasn't asked because it is given time to recover. */
  function answerFrom(
    document: DocumentName,
    state: CurrentState | undefined,
    pauseSeconds?: number,
  ): CurrentAnswer {
    const isFailing = pauseSeconds !== undefined || hasFailed(state)
    if (state !== undefined && isServable(state)) {
      const age = ageSeconds(state.verified_at) ?? 0
      const { sha256, served_last_modified } = state
      const isOld = age >= metadataTtlSeconds || state.purged
      const staleSeconds = isOld && isFailing ? age : undefined
      return { sha256, lastModified: served_last_modified, staleSeconds }
    }
    throw noDocument(document, { isGone: state?.gone === true && !isFailing, pauseSeconds })
  }

  /** With a copy at hand it is waited for a little, else until it is done. */
  async function refreshBehind(
    document: DocumentName,
    state: CurrentState | undefined,
  ): Promise<Refreshed | undefined> {
    if (state === undefined || !isServable(state)) return await refresh(document)
    const late = delay(foregroundWaitMs, undefined, { ref: false })
    return await Promise.race([refreshQuietly(document, options), late])
  }

  return async (document, note = () => undefined) => {
    const state = await currentState(document)
    if (!needsRefresh(state)) {
      note(kept(state))
      return answerFrom(document, state)
    }
    const isMadeUp = state === undefined || state.sha256 === null
    if (isMadeUp) refuseTooManyUnknown(unknownNames)
    const refreshed = await refreshBehind(document, state)
    const pauseSeconds = refreshed?.outcome === 'paused' ? refreshed.retryAfterSeconds : undefined
    const after = await currentState(document)
    note(fetched(refreshed, after))
    if (isMadeUp && after?.gone === true) unknownNames.count()
    return answerFrom(document, after, pauseSeconds)
  }
}

function kept(state: CurrentState | undefined): CacheResult {
  if (state === undefined || !isServable(state)) return 'negative'
  return hasFailed(state) ? 'stale' : 'hit'
}

/** @param refreshed undefined: it isn't waited for any longer, or failed by our own fault. */
function fetched(refreshed: Refreshed | undefined, after: CurrentState | undefined): CacheResult {
  const isBehind = refreshed?.outcome !== 'recorded' || hasFailed(after)
  if (isBehind && after !== undefined && isServable(after)) return 'stale'
  return refreshed?.outcome === 'recorded' && refreshed.isShared ? 'coalesced' : 'miss'
}

/** With a copy at hand, an error of our own (a standby, a full disk) is no reason not to serve it. */
async function refreshQuietly(
  document: DocumentName,
  { refresh, logger }: CurrentOptions,
): Promise<Refreshed | undefined> {
  try {
    return await refresh(document)
  } catch (error) {
    logger.error(
      { err: error, document },
      `${document} could not be refreshed; it is served as it is`,
    )
    return undefined
  }
}

function refuseTooManyUnknown({ waitSeconds }: UnknownNames): void {
  const retryAfterSeconds = waitSeconds()
  if (retryAfterSeconds === 0) return
  const message = 'too many names that do not exist were asked for lately; new ones have to wait'
  throw new AppError('upstream_unavailable', message, { retryAfterSeconds })
}

function noDocument(
  document: DocumentName,
  { isGone, pauseSeconds }: { readonly isGone: boolean; readonly pauseSeconds: number | undefined },
): AppError {
  if (isGone && document !== rootDocument) {
    return new AppError('package_not_found', `${document} isn't known upstream`)
  }
  const message = `${document} isn't cached here and upstream failed`
  const when = pauseSeconds === undefined ? {} : { retryAfterSeconds: pauseSeconds }
  return new AppError('upstream_unavailable', message, when)
}

/** A failure counts until upstream answers, or its feed says that nothing has changed. */
function hasFailed({ failed_at = null, verified_at = null }: Partial<CurrentState> = {}): boolean {
  return failed_at !== null && (verified_at === null || failed_at >= verified_at)
}

interface ServableState extends CurrentState {
  readonly sha256: Sha256
  readonly served_last_modified: Instant
}

function isServable(state: CurrentState): state is ServableState {
  return state.sha256 !== null && !state.gone
}
