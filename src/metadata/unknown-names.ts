/**
 * How often upstream may say "no such" of names that it never had, before more of them have to wait:
 * it bounds what made-up names can add to the log, and what upstream is asked because of them.
 */
export interface UnknownNames {
  /** Seconds until upstream may be asked for another such name; 0: now. */
  readonly waitSeconds: () => number
  /** One turned out not to exist. */
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
