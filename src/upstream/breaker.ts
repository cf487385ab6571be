import assert from 'node:assert/strict'

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
  readonly consecutiveFailures: number
  readonly lastSuccessAtMs?: number
  readonly lastFailureAtMs?: number
}

/** A request that was let through. It ends with exactly one of `succeeded`, `failed`, `toldToWait`. */
export interface Passage {
  /** The head of a good answer is there: others needn't wait for the rest, which may take minutes. */
  readonly answered: () => void
  readonly succeeded: () => void
  readonly failed: () => void
  readonly toldToWait: (pauseMs: number) => void
}

/** Keeps requests from an origin that fails anyway: they would cost our clients time, and it strength. */
export interface Breaker {
  /** Milliseconds until the next request may be made; undefined: now. */
  readonly waitMs: () => number | undefined
  /** To be called only when there is nothing to wait for. */
  readonly begin: () => Passage
  readonly state: () => BreakerState
}

const failuresMax = 5
const pauseMsMin = 1_000
const pauseMsMax = 60_000
/** What those are told who come while a probe is under way. */
const probeWaitMs = 1_000

export function createBreaker({ now, random }: BreakerOptions): Breaker {
  let state: BreakerState['state'] = 'closed'
  /** Goes up at every opening: how a request ends that began before says nothing of what is now. */
  let era = 0
  let openedAtMs = 0
  let openUntilMs = 0
  let openings = 0
  let consecutiveFailures = 0
  let lastSuccessAtMs: number | undefined
  let lastFailureAtMs: number | undefined

  function open(pauseMs: number): void {
    state = 'open'
    era += 1
    openedAtMs = now()
    openUntilMs = openedAtMs + pauseMs
  }

  function waitMs(): number | undefined {
    if (state === 'closed') return undefined
    if (state === 'half_open') return probeWaitMs
    const present = now()
    // A clock that was set back must not keep the way closed for as long as it was set back.
    const isOver = present >= openUntilMs || present < openedAtMs
    return isOver ? undefined : openUntilMs - present
  }

  function begin(): Passage {
    assert(waitMs() === undefined, 'a request must not begin while it is told to wait')
    if (state === 'open') state = 'half_open'
    const begunIn = era
    return {
      answered() {
        // The failures still count: if the rest of the answer doesn't come, this was one more.
        if (begunIn === era) state = 'closed'
      },
      succeeded() {
        lastSuccessAtMs = now()
        if (begunIn !== era) return
        state = 'closed'
        consecutiveFailures = 0
        openings = 0
      },
      failed() {
        lastFailureAtMs = now()
        if (begunIn !== era) return
        consecutiveFailures += 1
        if (state === 'closed' && consecutiveFailures < failuresMax) return
        open(pauseMsOfOpening(openings, random))
        openings += 1
      },
      toldToWait(pauseMs) {
        lastFailureAtMs = now()
        consecutiveFailures += 1
        const isLonger = lastFailureAtMs + pauseMs > openUntilMs
        if (state !== 'open' || isLonger) open(pauseMs)
      },
    }
  }

  return {
    waitMs,
    begin,
    state: () => ({
      state,
      consecutiveFailures,
      ...(state === 'open' && { openUntilMs }),
      ...(lastSuccessAtMs !== undefined && { lastSuccessAtMs }),
      ...(lastFailureAtMs !== undefined && { lastFailureAtMs }),
    }),
  }
}

/** 1 s, doubled by each opening in a row up to 60 s; up to a quarter less, so that nodes don't march in step. */
function pauseMsOfOpening(openings: number, random: () => number): number {
  const wholeMs = Math.min(pauseMsMin * 2 ** openings, pauseMsMax)
  return wholeMs * (1 - random() / 4)
}
