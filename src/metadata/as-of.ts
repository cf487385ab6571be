import {
  documentInWords,
  type DocumentName,
  packageOfDocument,
  rootDocument,
} from '../composer/names.ts'
import { AppError } from '../errors.ts'
import type { Position, Sha256 } from '../events/types.ts'
import { type ChosenState, type Confidence, confidenceOf } from '../time-machine/confidence.ts'
import { type Instant, floorToSecond } from '../time-machine/instant.ts'
import type { Asking } from './asking.ts'
import type { Bodies, BodyName } from './bodies.ts'
import type { CurrentDocument } from './current.ts'

/** A state of a document; see projections/document-queries.ts. */
export interface KnownState {
  readonly recorded_at: Instant
  readonly sha256: Sha256 | null
  readonly last_modified: Instant | null
  readonly served_last_modified: Instant | null
  readonly verified_until: Instant
}

/** An instant, and what it comes down to: the events up to `position`. */
export interface Basis {
  readonly at: Instant
  readonly position: Position
  /** false: so recent that an event may still be recorded at or before it. */
  readonly settled: boolean
}

export interface AsOfAnswer {
  readonly body: BodyName
  readonly lastModified: Instant
  readonly confidence: Confidence
  /** These bytes are known to have been upstream's from `since` to `until`. */
  readonly since: Instant
  readonly until: Instant
}

/** The state as of a position, and the next ones, from the first: two, if there are as many. */
interface States {
  readonly at: KnownState | undefined
  readonly following: readonly KnownState[]
}

export interface AsOfOptions {
  readonly statesAround: (document: DocumentName, position: Position) => Promise<States>
  readonly bodies: Pick<Bodies, 'asOf'>
  /** Asked when a document was never seen, so that pins work from the first day. */
  readonly current: CurrentDocument
  /** Asks again for what upstream had none of; waits for a little while, and doesn't reject. */
  readonly askAgain: (document: DocumentName, asking: Asking) => Promise<void>
}

/**
 * A document as of an instant. Once it was given, the same basis gives the same bytes for ever; that there was none
 * can be disproved by a later one.
 *
 * @throws AppError `not_known_then` when upstream had no such document then, `upstream_unavailable`
 * when it was never seen and upstream doesn't answer.
 */
export type DocumentAsOf = (
  document: DocumentName,
  basis: Basis,
  asking?: Omit<Asking, 'isForThePast'>,
) => Promise<AsOfAnswer>

export function createDocumentAsOf(options: AsOfOptions): DocumentAsOf {
  const { statesAround, bodies, current, askAgain } = options

  async function observedStates(
    document: DocumentName,
    { position }: Basis,
    asking: Asking,
  ): Promise<States> {
    const states = await statesAround(document, position)
    if (!isNeverSeen(states)) {
      asking.note?.([states.at, ...states.following].some(isThere) ? 'hit' : 'negative')
      return states
    }
    await observe(async () => await current(document, { ...asking, isForThePast: true }))
    return await statesAround(document, position)
  }

  async function choose(
    document: DocumentName,
    basis: Basis,
    asking: Asking,
  ): Promise<Chosen | undefined> {
    const states = await observedStates(document, basis, asking)
    if (isNeverSeen(states)) throw new Error(`${document} was fetched but has no history`)
    const chosen = stateAsOf(states, basis.at)
    const isStillMissing = !isThere(states.following.at(-1) ?? states.at)
    if (chosen !== undefined || !isStillMissing) return chosen
    await askAgain(document, { client: asking.client })
    return stateAsOf(await statesAround(document, basis.position), basis.at)
  }

  return async (document, basis, asking = {}) => {
    const chosen = await choose(document, basis, asking)
    if (chosen === undefined) throw notThere(document, basis)
    const { state, next } = chosen
    const confidence = confidenceOf({
      at: basis.at,
      settled: basis.settled,
      observedAt: state.recorded_at,
      lastModified: state.last_modified ?? undefined,
      verifiedUntil: state.verified_until,
      next: nextOf(state, next),
    })
    // The state that is chosen never changes, so neither does what is reconstructed from it.
    const made = confidence === 'reconstructed' ? packageOfDocument(document) : undefined
    const bytes =
      made === undefined
        ? asRecorded(state)
        : {
            body: await bodies.asOf(state.sha256, made.packageName, basis.at),
            lastModified: floorToSecond(basis.at),
          }
    return {
      ...bytes,
      confidence,
      since: state.last_modified ?? state.recorded_at,
      until: state.verified_until,
    }
  }
}

function isNeverSeen({ at, following }: States): boolean {
  return at === undefined && following.length === 0
}

interface Chosen {
  readonly state: ThereState
  /** The state that followed, where the chosen one was seen by then. */
  readonly next: KnownState | undefined
}

/**
 * Chooses the state that answers for an instant. Before the first one there is, that one stands in.
 *
 * "No such" is what one of upstream's servers said, and no fact about the past: the document that came after it
 * counts instead, if by its own date it was there at the instant, or when upstream said so. Otherwise there was none,
 * also before the first time that was said: a name that appears later doesn't appear in a past without it.
 */
function stateAsOf({ at, following }: States, instant: Instant): Chosen | undefined {
  const [first, second] = following
  if (isThere(at)) return { state: at, next: first }
  if (at === undefined && isThere(first)) return { state: first, next: undefined }
  const [missing, later] = at === undefined ? [first, second] : [at, first]
  if (missing === undefined || !isThere(later) || later.last_modified === null) return undefined
  const wasThere = later.last_modified <= instant || later.last_modified <= missing.recorded_at
  return wasThere ? { state: later, next: undefined } : undefined
}

/** The body of what upstream had then; undefined: no such document. */
export function bodyAsOf(
  asOf: DocumentAsOf,
): (document: DocumentName, basis: Basis) => Promise<BodyName | undefined> {
  return async (document, basis) => {
    try {
      return (await asOf(document, basis)).body
    } catch (error) {
      if (error instanceof AppError && error.code === 'not_known_then') return undefined
      throw error
    }
  }
}

async function observe(current: () => Promise<unknown>): Promise<void> {
  try {
    await current()
  } catch (error) {
    // That upstream has no such document is an observation like any other.
    if (!(error instanceof AppError && error.code === 'package_not_found')) throw error
  }
}

function notThere(document: DocumentName, { at }: Basis): AppError {
  return document === rootDocument
    ? new AppError('upstream_unavailable', 'upstream had no packages.json')
    : new AppError('not_known_then', `upstream had no ${documentInWords(document)} at ${at}`)
}

function asRecorded(state: ThereState): Pick<AsOfAnswer, 'body' | 'lastModified'> {
  return {
    body: { sha256: state.sha256, reconstructed: undefined },
    lastModified: state.served_last_modified,
  }
}

interface ThereState extends KnownState {
  readonly sha256: Sha256
  readonly served_last_modified: Instant
}

function isThere(state: KnownState | undefined): state is ThereState {
  return state !== undefined && state.sha256 !== null
}

function nextOf(state: KnownState, next: KnownState | undefined): ChosenState['next'] {
  if (next === undefined) return undefined
  return { lastModified: next.last_modified ?? undefined, isSame: next.sha256 === state.sha256 }
}
