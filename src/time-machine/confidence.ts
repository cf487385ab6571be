import { type Instant, trimmedInstant } from './instant.ts'

/**
 * How sure the answer to "what was this document at T" is.
 *
 * - `exact`: upstream had these bytes at T.
 * - `carried`: the last bytes seen before T; they weren't checked again until after it.
 * - `stale`: upstream had already moved on at T, but this proxy hadn't seen it: clients got these bytes.
 * - `reconstructed`: first seen after T; inferred from what the versions say of themselves.
 * - `unsettled`: T is so recent that an event may still land at or before it, or nothing is known of T that a later
 *   document can't disprove.
 */
export type Confidence = 'exact' | 'carried' | 'stale' | 'reconstructed' | 'unsettled'

/** The state of a document that was chosen to answer for `at`. */
export type ChosenState = {
  readonly at: Instant
  /** Whether no event can be recorded at or before `at` any more. */
  readonly settled: boolean
  /** When this proxy first saw the state. */
  readonly observedAt: Instant
  /** Since when upstream had it, in upstream's own words. */
  readonly lastModified: Instant | undefined
  /** When it was last seen to be upstream's current state. */
  readonly verifiedUntil: Instant
  /** The state observed after it, if there is one by now; `isSame`: it has the same bytes. */
  readonly next:
    { readonly lastModified: Instant | undefined; readonly isSame: boolean } | undefined
}

export function confidenceOf(state: ChosenState): Confidence {
  const { at, lastModified } = state
  if (state.observedAt > at) {
    // Settled or not: nothing that is still to come can be observed earlier than the first time.
    return lastModified !== undefined && lastModified <= at ? 'exact' : 'reconstructed'
  }
  if (!state.settled) return 'unsettled'
  if (at <= state.verifiedUntil) return 'exact'
  return afterVerified(state)
}

function afterVerified({ at, next }: ChosenState): Confidence {
  const movedAt = next?.lastModified
  if (movedAt === undefined || movedAt > at) return 'carried'
  return next?.isSame === true ? 'exact' : 'stale'
}

/**
 * Of which day the advisories of a pinned document are, where they aren't those that were recorded with it.
 *
 * - `live`: today's, as the settings have it.
 * - `reported-by-then`: of those known when it was first seen, the ones that were reported by T.
 * - `unknown`: none, as upstream has no dates of them.
 */
export type AdvisoriesThen = 'live' | 'reported-by-then' | 'unknown'

/** What can't be told from a document that was first seen later. */
const unknownThen = 'abandoned, deleted versions, moved references, notices'

/** The value of `X-Time-Machine`: the word, the interval in which the answer holds, and what isn't of then. */
export function timeMachineHeader(
  confidence: Confidence,
  {
    since,
    until,
    advisories,
  }: {
    readonly since: Instant
    readonly until: Instant
    readonly advisories?: AdvisoriesThen | undefined
  },
): string {
  // By upstream's clock it may have begun after it was seen, by ours.
  const begun = since < until ? since : until
  const parameters = [
    `since=${trimmedInstant(begun)}`,
    `until=${trimmedInstant(until)}`,
    ...(advisories === undefined ? [] : [`advisories=${advisories}`]),
    ...(confidence === 'reconstructed' ? [`unknown="${unknownThen}"`] : []),
  ]
  return [confidence, ...parameters].join('; ')
}
