/**
 * How many names that were never asked for may turn out not to exist, before new ones have to wait:
 * whoever asks for made-up names can fill neither the log nor upstream's patience.
 */
export interface UnknownNames {
  /** Seconds until another new name may be asked for; 0: now. */
  readonly waitSeconds: () => number
  /** A new name turned out not to exist. */
  readonly count: () => void
}

/** More than the names of a large project that belong to other repositories, in one update. */
const burst = 1_000
const perSecond = 2

/** @param nowMs milliseconds of any clock. */
export function createUnknownNames(nowMs: () => number): UnknownNames {
  let allowance = burst
  let at = nowMs()
  function refill(): void {
    const now = nowMs()
    allowance = Math.min(burst, allowance + (Math.max(0, now - at) / 1000) * perSecond)
    at = now
  }
  return {
    waitSeconds() {
      refill()
      return allowance >= 1 ? 0 : Math.ceil((1 - allowance) / perSecond)
    },
    count() {
      refill()
      allowance -= 1
    },
  }
}
