import { z } from 'zod'

const secondsOfYear10000 = 253_402_300_800
const microsecondsPerSecond = 1_000_000

/**
 * A moment, in UTC, to the microsecond: `2024-05-01T12:00:00.000000Z`, years 1970 to 9999.
 *
 * Always written with six fraction digits, so the order of the texts is the order in time: instants
 * are compared with `<` and `===`, here and in the database.
 */
export const Instant = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/)
  .refine((text) => (secondsOf(text) ?? -1) >= 0, 'not a real date from 1970 to 9999')
  .brand('Instant')
export type Instant = z.infer<typeof Instant>

const rfc3339 =
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.(?<fraction>\d{1,6}))?(?<zone>Z|[+-]\d{2}:\d{2})$/

/**
 * Reads RFC 3339 with a zone (`Z` or at most ±14:00, the widest there is) and up to six fraction
 * digits. Not `new Date(text)`: that one moves February 30 into March and reads a missing zone as the
 * machine's own.
 *
 * Returns undefined for anything else, also for dates that don't exist and for a second 60.
 */
export function parseInstant(text: string): Instant | undefined {
  const match = rfc3339.exec(text)
  const local = secondsOf(text)
  const offset = offsetSecondsOf(match?.groups?.['zone'])
  if (match === null || local === undefined || offset === undefined) return undefined
  return instantAt(local - offset, Number((match.groups?.['fraction'] ?? '').padEnd(6, '0')))
}

const metadataTime =
  /^(?<date>\d{4}-\d{2}-\d{2})(?:[T ](?<time>\d{2}:\d{2}(?::\d{2})?)(?:\.(?<fraction>\d{1,9}))? ?(?<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?$/i

/**
 * Reads a `time` or `published-time` of Composer metadata, which may be whatever PHP's DateTime takes:
 * RFC 3339, `2012-01-01 12:00:00`, a date alone, Unix seconds. What says no zone is UTC, so that the
 * answer is the same on every machine; digits past the microsecond are dropped.
 *
 * Returns undefined for anything else.
 */
export function parseMetadataTime(value: unknown): Instant | undefined {
  if (typeof value === 'number') return instantOfUnixSeconds(value)
  if (typeof value !== 'string' || value.length > 64) return undefined
  if (/^\d+$/.test(value)) return instantOfUnixSeconds(Number(value))
  const groups = metadataTime.exec(value)?.groups
  if (groups === undefined) return undefined
  const time = `${groups['time'] ?? '00:00'}:00`.slice(0, 8)
  const fraction = (groups['fraction'] ?? '0').slice(0, 6)
  return parseInstant(`${groups['date']}T${time}.${fraction}${rfc3339Zone(groups['zone'])}`)
}

const pinLengthMax = 64
const isoDate = /^\d{4}-\d{2}-\d{2}$/
const compact = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})(\.\d{1,6})?Z$/

/**
 * Reads the T of a request for the past: a date (its last microsecond, in UTC: everything up to the
 * next midnight), RFC 3339, or the compact form that `compactInstant` writes.
 *
 * A refusal is a sentence for the person who wrote the date; it repeats nothing of what was written.
 */
export function parsePin(
  text: string,
): { readonly instant: Instant } | { readonly refusal: string } {
  if (text.length > pinLengthMax) {
    return { refusal: `A date has at most ${pinLengthMax} characters: ${forms}.` }
  }
  const instant = parseInstant(
    isoDate.test(text) ? `${text}T23:59:59.999999Z` : text.replace(compact, '$1-$2-$3T$4:$5:$6$7Z'),
  )
  if (instant !== undefined) return { instant }
  return { refusal: refusals.find(([pattern]) => pattern.test(text))?.[1] ?? otherwise }
}

const forms = 'write it as 2024-05-01, 2024-05-01T12:00:00Z or 20240501T120000Z'
const otherwise = `This isn't a date that can be read: ${forms}.`

const anyDate = String.raw`(?:\d{4}-\d{2}-\d{2}|\d{8})`
const anyTime = String.raw`\d{2}:?\d{2}(?::?\d{2}(?:\.\d+)?)?`
const anyOffset = String.raw`\d{2}:?\d{2}`

/** The mistakes people really make, each with what to write instead; the first that fits is given. */
const refusals: readonly (readonly [RegExp, string])[] = [
  [/^\s*$/, `The date is empty: ${forms}.`],
  [
    // In a query string "+" means a space.
    new RegExp(`^${anyDate}T${anyTime} ${anyOffset}$`),
    'The "+" of the offset arrived as a space: write it as %2B, or give the time in UTC, ' +
      'like 2024-05-01T12:00:00Z.',
  ],
  [
    new RegExp(`^${anyDate}[T ]${anyTime}$`),
    'The time has no zone: end it with Z for UTC, like 2024-05-01T12:00:00Z, or with an offset ' +
      'such as +02:00.',
  ],
  [
    new RegExp(String.raw`^${anyDate}T[\d:]+\.\d{7,}(?:Z|[+-]${anyOffset})$`),
    'A second has at most 6 digits after the point: leave the others out.',
  ],
  [
    /^(?:\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2}))?|\d{8}T\d{6}(?:\.\d+)?Z)$/,
    'There is no such moment: the date and the time of day must exist, in a year from 1970 to ' +
      `9999, with an offset of at most 14:00; ${forms}.`,
  ],
]

/** The one spelling used in URLs: `20240501T120000Z`, with six fraction digits only when not zero. */
export function compactInstant(instant: Instant): string {
  return trimmedInstant(instant).replaceAll(/[:-]/g, '')
}

/** RFC 3339 for people: `2024-05-01T12:00:00Z`, with six fraction digits only when not zero. */
export function trimmedInstant(instant: Instant): string {
  return instant.replace('.000000Z', 'Z')
}

/**
 * @param ms since 1970; a fraction is dropped.
 * @throws RangeError outside of the years 1970 to 9999.
 */
export function instantFromMs(ms: number): Instant {
  const wholeMs = Math.floor(ms)
  const seconds = Math.floor(wholeMs / 1000)
  return instantInRange(seconds, (wholeMs - seconds * 1000) * 1000)
}

/** The machine's clock, to the millisecond. Many ask within one: it is written once for all of them. */
export function systemClock(): () => Instant {
  let latest = new Date()
  let instant = instantFromDate(latest)
  return () => {
    const asked = new Date()
    if (asked.getTime() !== latest.getTime()) instant = instantFromDate(asked)
    latest = asked
    return instant
  }
}

/** @throws RangeError for an invalid date, and outside of the years 1970 to 9999. */
export function instantFromDate(date: Date): Instant {
  return instantFromMs(date.getTime())
}

/** Milliseconds since 1970; microseconds are dropped. */
export function msOfInstant(instant: Instant): number {
  return Date.parse(`${instant.slice(0, 23)}Z`)
}

/** @throws RangeError when the result is outside of the years 1970 to 9999. */
export function addSeconds(instant: Instant, seconds: number): Instant {
  const wholeSeconds = Math.floor(seconds)
  const microseconds =
    Number(instant.slice(20, 26)) + Math.round((seconds - wholeSeconds) * microsecondsPerSecond)
  const carried = Math.floor(microseconds / microsecondsPerSecond)
  return instantInRange(
    Math.floor(msOfInstant(instant) / 1000) + wholeSeconds + carried,
    microseconds - carried * microsecondsPerSecond,
  )
}

export function floorToSecond(instant: Instant): Instant {
  return instantInRange(Math.floor(msOfInstant(instant) / 1000), 0)
}

/** For `Last-Modified` and the like: `Wed, 01 May 2024 12:00:00 GMT`; fractions are dropped. */
export function httpDate(instant: Instant): string {
  return new Date(msOfInstant(instant)).toUTCString()
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/**
 * Reads what `httpDate` writes and nothing else: not the two obsolete forms of RFC 9110, no wrong
 * weekday.
 */
export function parseHttpDate(text: string): Instant | undefined {
  const match = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) ([\d:]{8}) GMT$/.exec(text)
  if (match === null) return undefined
  const [, day = '', monthName = '', year = '', time = ''] = match
  const month = String(months.indexOf(monthName) + 1).padStart(2, '0')
  const instant = parseInstant(`${year}-${month}-${day}T${time}Z`)
  return instant !== undefined && httpDate(instant) === text ? instant : undefined
}

/** Seconds since 1970 of a text that begins `YYYY-MM-DDThh:mm:ss`; undefined when it doesn't exist. */
function secondsOf(text: string): number | undefined {
  const digits = text.slice(0, 19)
  const ms = Date.parse(`${digits}Z`)
  // February 30 and hour 24 come back as another day.
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== digits) return undefined
  return ms / 1000
}

/** Seconds east of Greenwich, at most the 14 hours that there are. */
function offsetSecondsOf(zone = ''): number | undefined {
  if (zone === 'Z') return 0
  const minutes = Number(zone.slice(4, 6))
  const offsetMinutes = Number(zone.slice(1, 3)) * 60 + minutes
  if (minutes > 59 || offsetMinutes > 14 * 60) return undefined
  return zone.startsWith('-') ? -60 * offsetMinutes : 60 * offsetMinutes
}

function rfc3339Zone(zone = ''): string {
  const offset = /^([+-]\d{2}):?(\d{2})?$/.exec(zone)
  return offset === null ? 'Z' : `${offset[1]}:${offset[2] ?? '00'}`
}

function instantOfUnixSeconds(seconds: number): Instant | undefined {
  return instantAt(Math.floor(seconds), 0)
}

function instantInRange(seconds: number, microseconds: number): Instant {
  const instant = instantAt(seconds, microseconds)
  if (instant === undefined) throw new RangeError('an instant is in the years 1970 to 9999')
  return instant
}

function instantAt(seconds: number, microseconds: number): Instant | undefined {
  // Written so that NaN is refused too.
  if (!(seconds >= 0 && seconds < secondsOfYear10000)) return undefined
  const digits = new Date(seconds * 1000).toISOString().slice(0, 19)
  const text = `${digits}.${String(microseconds).padStart(6, '0')}Z`
  // Sound: in this range toISOString writes four-digit years and real dates.
  return text as Instant // oxlint-disable-line typescript/no-unsafe-type-assertion
}
