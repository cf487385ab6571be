import { addSeconds, Instant } from '../../src/time-machine/instant.ts'

export interface TestClock {
  readonly now: () => Instant
  readonly set: (instant: string) => void
  readonly advance: (seconds: number) => void
}

/** A clock that stands still until it is moved. */
export function createClock(begin = '2026-06-01T00:00:00Z'): TestClock {
  const parse = (instant: string) => Instant.parse(instant.replace(/Z$/, '.000000Z'))
  let present = parse(begin)
  return {
    now: () => present,
    set: (instant) => (present = parse(instant)),
    advance: (seconds) => (present = addSeconds(present, seconds)),
  }
}
