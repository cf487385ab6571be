import assert from 'node:assert/strict'
import type { FetchFailure } from '../events/types.ts'
import { type Why, wordsFor } from './causes.ts'

export interface BreakerOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** From 0 to less than 1. */
  readonly random: () => number
}

export interface BreakerState {
  /**
   * `closed`: requests go through. `open`: none does. `half_open`: one is on its way to find out
   * whether upstream is well again, and the others don't wait for it.
   */
  readonly state: 'closed' | 'open' | 'half_open'
  /** From then on one request is let through; there while `open`. */
  readonly openUntilMs?: number
  /** Since the last success: connections that failed, and places that answered with an error or not in time. */
  readonly consecutiveFailures: number
  readonly lastSuccessAtMs?: number
  readonly lastFailureAtMs?: number
  /** What the last failure was; there with `lastFailureAtMs`. */
  readonly lastError?: OriginFailure
  /** The same as closely as it is known. */
  readonly lastCause?: Cause
}

/** Of an origin, whose host is known. */
type Cause = Pick<Why, 'cause' | 'status'>

/** The breaker of an origin that has a name. */
export interface OriginState extends BreakerState {
  /** What the last failure was, in words. */
  readonly lastProblem?: string
}

export function stateOfOrigin(origin: string, { state }: Breaker): OriginState {
  const known = state()
  const { lastCause } = known
  if (lastCause === undefined) return known
  return { ...known, lastProblem: wordsFor({ ...lastCause, host: new URL(origin).host }) }
}

/** Why an origin is left alone: it gave no answer, an error, or said that it wants to be. */
export type OriginFailure = Extract<FetchFailure, 'connection' | 'timeout' | 'status'> | 'paused'

/** A request that was let through. It ends with exactly one of `succeeded`, `failed`, `toldToWait`. */
export interface Passage {
  /** Nothing has come for longer than others should wait to find that out too; it may come still. */
  readonly silent: () => void
  /** The head of a good answer is there: others needn't wait for the rest, which may take minutes. */
  readonly answered: () => void
  readonly succeeded: () => void
  readonly failed: (error: Exclude<OriginFailure, 'paused'>, cause?: Cause) => void
  readonly toldToWait: (pauseMs: number, cause?: Cause) => void
}

/** Keeps requests from an origin that fails anyway: they would cost our clients time, and it strength. */
export interface Breaker {
  /** Milliseconds until the next request may be made; undefined: now. */
  readonly waitMs: () => number | undefined
  /**
   * To be called only when there is nothing to wait for.
   *
   * @param place that is asked: one that fails again and again says nothing of the others.
   */
  readonly begin: (place?: string) => Passage
  readonly state: () => BreakerState
}

const failuresMax = 5
const pauseMsMin = 1_000
const pauseMsMax = 60_000
/** After a request that nothing came of in time: to find that out again would cost somebody the same time. */
const silencePauseMs = 30_000
/** What those are told who come while a probe is under way. */
const probeWaitMs = 1_000

interface Circuit {
  readonly state: BreakerState['state']
  /** Goes up at every opening: how a request ends that began before says nothing of what is now. */
  readonly era: number
  readonly openedAtMs: number
  readonly openUntilMs: number
  /** Since the last success, those not counted for which upstream named the time. */
  readonly openings: number
  /** Connections that failed since the last success. */
  readonly connections: number
  /** Places that failed since then in another way; no more than it takes to open. */
  readonly places: ReadonlySet<string>
  /** When anything was last answered, be it an error. */
  readonly lastAnswerAtMs: number | undefined
  readonly lastSuccessAtMs: number | undefined
  readonly lastFailureAtMs: number | undefined
  readonly lastError: OriginFailure | undefined
  readonly lastCause: Cause | undefined
}

export function createBreaker({ now, random }: BreakerOptions): Breaker {
  let circuit = untouched

  function waitMs(): number | undefined {
    return waitMsOf(circuit, now())
  }

  /** Nothing was answered since then, so it isn't that one place which is slow. */
  function isSilentSince(begunAtMs: number): boolean {
    return circuit.lastAnswerAtMs === undefined || circuit.lastAnswerAtMs < begunAtMs
  }
  function open(pauseMs: number): void {
    circuit = { ...opened(circuit, now(), pauseMs), openings: circuit.openings + 1 }
  }
  function openForSilence(): void {
    open(Math.max(silencePauseMs, pauseMsOfOpening(circuit.openings, random)))
  }

  function begin(place = ''): Passage {
    assert(waitMs() === undefined, 'a request must not begin while it is told to wait')
    if (circuit.state === 'open') circuit = { ...circuit, state: 'half_open' }
    const begunAtMs = now()
    let { era } = circuit
    return {
      silent() {
        if (circuit.era !== era || !isSilentSince(begunAtMs)) return
        const lastCause = { cause: 'answer_timed_out' } as const
        circuit = { ...circuit, lastFailureAtMs: now(), lastError: 'timeout', lastCause }
        openForSilence()
        // If an answer comes after all, it is one that counts.
        era = circuit.era
      },
      answered() {
        circuit = { ...circuit, lastAnswerAtMs: now() }
        // The failures still count: if the rest of the answer doesn't come, this was one more.
        if (circuit.era === era) circuit = { ...circuit, state: 'closed' }
      },
      succeeded() {
        circuit = { ...circuit, lastSuccessAtMs: now(), lastAnswerAtMs: now() }
        if (circuit.era !== era) return
        circuit = { ...circuit, ...withoutFailures, state: 'closed' }
      },
      failed(lastError, lastCause) {
        circuit = { ...circuit, lastFailureAtMs: now(), lastError, lastCause }
        if (circuit.era !== era || circuit.state === 'open') return
        if (lastError === 'timeout' && isSilentSince(begunAtMs)) return openForSilence()
        if (lastError === 'status') circuit = { ...circuit, lastAnswerAtMs: now() }
        circuit = withFailure(circuit, lastError === 'connection' ? undefined : place)
        if (circuit.state === 'closed' && failuresIn(circuit) < failuresMax) return
        open(pauseMsOfOpening(circuit.openings, random))
      },
      toldToWait(pauseMs, lastCause) {
        const present = now()
        const last = { lastFailureAtMs: present, lastError: 'paused', lastCause } as const
        circuit = { ...withFailure(circuit, place), ...last, lastAnswerAtMs: present }
        const isLonger = present + pauseMs > circuit.openUntilMs
        if (circuit.state !== 'open' || isLonger) circuit = opened(circuit, present, pauseMs)
      },
    }
  }

  return { waitMs, begin, state: () => stateOf(circuit) }
}

const withoutFailures = { connections: 0, places: new Set<string>(), openings: 0 } as const

/** @param place undefined: it wasn't reached. */
function withFailure(circuit: Circuit, place: string | undefined): Circuit {
  const { connections, places } = circuit
  if (place === undefined) return { ...circuit, connections: connections + 1 }
  return places.size < failuresMax ? { ...circuit, places: new Set([...places, place]) } : circuit
}

function failuresIn({ connections, places }: Circuit): number {
  return connections + places.size
}

const untouched: Circuit = {
  state: 'closed',
  era: 0,
  openedAtMs: 0,
  openUntilMs: 0,
  ...withoutFailures,
  lastAnswerAtMs: undefined,
  lastSuccessAtMs: undefined,
  lastFailureAtMs: undefined,
  lastError: undefined,
  lastCause: undefined,
}

function opened(circuit: Circuit, openedAtMs: number, pauseMs: number): Circuit {
  const era = circuit.era + 1
  return { ...circuit, state: 'open', era, openedAtMs, openUntilMs: openedAtMs + pauseMs }
}

/** 1 s, doubled by each opening in a row up to 60 s; up to a quarter less, or nodes would march in step. */
function pauseMsOfOpening(openings: number, random: () => number): number {
  const wholeMs = Math.min(pauseMsMin * 2 ** openings, pauseMsMax)
  return wholeMs * (1 - random() / 4)
}

function waitMsOf({ state, openedAtMs, openUntilMs }: Circuit, present: number) {
  if (state === 'closed') return undefined
  if (state === 'half_open') return probeWaitMs
  // A clock that was set back must not keep the way closed for as long as it was set back.
  const isOver = present >= openUntilMs || present < openedAtMs
  return isOver ? undefined : openUntilMs - present
}

function stateOf(circuit: Circuit): BreakerState {
  const { state, openUntilMs } = circuit
  const { lastSuccessAtMs, lastFailureAtMs, lastError, lastCause } = circuit
  return {
    state,
    consecutiveFailures: failuresIn(circuit),
    ...(state === 'open' && { openUntilMs }),
    ...(lastSuccessAtMs !== undefined && { lastSuccessAtMs }),
    ...(lastFailureAtMs !== undefined && { lastFailureAtMs }),
    ...(lastError !== undefined && { lastError }),
    ...(lastCause !== undefined && { lastCause }),
  }
}
