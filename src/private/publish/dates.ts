import { z } from 'zod'
import { readJson } from '../../composer/json.ts'
import { loweredAsPhpDoes, type PackageName } from '../../composer/names.ts'
import { publishableVersion } from '../../composer/published-version.ts'
import { AppError } from '../../errors.ts'
import { floorToSecond, Instant, parseInstant } from '../../time-machine/instant.ts'

/** Composer is younger than that. */
const earliest = Instant.parse('2005-01-01T00:00:00.000000Z')

/**
 * Reads since when a version is said to be published, which Composer's cooldown goes by.
 *
 * @returns undefined when it is no date in RFC 3339 with a zone, or one before 2005 or to come.
 */
export function parsePublishedTime(text: string, now: Instant): Instant | undefined {
  const instant = text.length > 64 ? undefined : parseInstant(text)
  if (instant === undefined || instant < earliest || instant > now) return undefined
  return floorToSecond(instant)
}

/** What an operator is told of one that can't be taken. */
export const publishedTimeForm =
  'a date like 2020-05-01T12:00:00Z, with Z or an offset, from 2005 on and not to come'

/** Whoever may date versions can have them installed before Composer's cooldown is over. */
export function mayNotDate(vendor: string): AppError {
  const message = `only a token that administers ${vendor} may say when its versions were published`
  return new AppError('forbidden', message)
}

/** The dates that a tar brings along; undefined: none of that version. */
export type PublishedTimes = (packageName: PackageName, version: string) => Instant | undefined

/** What `dates.json` may have: some 40 bytes each, for as many versions as a tar has entries and more. */
export const datesBytesMax = 4 * 1024 * 1024
const Dates = z.record(z.string(), z.record(z.string(), z.string()))

/**
 * Reads `dates.json`: `{"acme/log": {"1.2.0": "2020-05-01T12:00:00Z"}}`.
 *
 * @throws AppError `invalid_request` that names the first date that can't be taken.
 */
export function readPublishedTimes(bytes: Buffer, now: Instant): PublishedTimes {
  const json = readJson(bytes, { depthMax: 3, valuesMax: 200_000 })
  const dates = json.ok ? Dates.safeParse(json.value).data : undefined
  if (dates === undefined) {
    throw invalid('it must be JSON like {"acme/log": {"1.2.0": "2020-05-01T12:00:00Z"}}')
  }
  const times = new Map<string, Instant>()
  for (const [name, versions] of Object.entries(dates)) {
    for (const [version, text] of Object.entries(versions)) {
      const time = parsePublishedTime(text, now)
      const shown = `${name} ${version}`.slice(0, 300)
      if (time === undefined) throw invalid(`${shown} must have ${publishedTimeForm}`)
      times.set(keyOf(name, version), time)
    }
  }
  return (packageName, version) => times.get(keyOf(packageName, version))
}

function keyOf(name: string, version: string): string {
  return `${loweredAsPhpDoes(name)} ${publishableVersion(version) ?? version}`
}

function invalid(problem: string): AppError {
  return new AppError('invalid_request', `of dates.json: ${problem}`)
}
