import { addSeconds, floorToSecond, type Instant } from './instant.ts'

/**
 * The dates by which Composer revalidates a document: it keeps its copy when the date is the same, so
 * bytes that differ may never share one.
 *
 * Each state of a document has a date, and the same state may be written in several ways, which depend
 * on the settings. So dates of states are this far apart, and the others follow each at a second.
 */
const secondsApart = 10

/**
 * The date of a state: upstream's, raised where it is too near to the one before.
 *
 * @param before of the state before this one.
 */
export function servedDate(upstreams: Instant, before: Instant | null): Instant {
  const date = floorToSecond(upstreams)
  if (before === null) return date
  const least = addSeconds(before, secondsApart)
  return date > least ? date : least
}

/**
 * The date of a state that is written in another way.
 *
 * @param number of the way, from 1; see database/renderings.ts. Undefined when it is too high for a
 * date of its own: without one, Composer gets the document anew each time.
 */
export function renderedDate(served: Instant, number: number): Instant | undefined {
  return number < secondsApart ? addSeconds(served, number) : undefined
}

/** Past every date that a state, or one before it, is ever given, in whatever way it is written. */
export function afterDatesOf(served: Instant): Instant {
  return addSeconds(served, secondsApart)
}
