import { addSeconds, type Instant } from './instant.ts'

/** Clocks differ by seconds; a server whose clock is a minute ahead says nothing that dates can be told from. */
const aheadSecondsMax = 60

/**
 * A date that upstream gave to something it has, when it can be one: nothing is there before its date. Any
 * other counts as not given, since whoever asks by such a date is told for ever that nothing has changed.
 *
 * @param toldAt when it was told.
 */
export function possibleDate(date: Instant | undefined, toldAt: Instant): Instant | undefined {
  return date !== undefined && date <= addSeconds(toldAt, aheadSecondsMax) ? date : undefined
}
