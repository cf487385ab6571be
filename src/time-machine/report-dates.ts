import { z } from 'zod'
import { readJson } from '../composer/json.ts'
import { isJsonObject } from '../composer/minify.ts'
import type { PackageName } from '../composer/names.ts'
import { advisoriesText, advisoryId } from '../composer/security-advisories.ts'
import { Instant, parseMetadataTime } from './instant.ts'

/** Of 10,000 advisories, of 15 values each. */
const limits = { depthMax: 32, valuesMax: 250_000 } as const

/**
 * When advisories were reported, by their ids, as JSON that is the same for the same dates. Those of which
 * upstream says nothing, such as withdrawn ones, or no date that can be read, are not in it; of two dates, the
 * earlier counts.
 *
 * @param records JSON of what upstream says about a package.
 * @returns undefined when they are past a limit.
 */
export function reportDatesIn(records: Buffer, advisoryIds: readonly string[]): string | undefined {
  const read = readJson(records, limits)
  if (!read.ok || !Array.isArray(read.value)) return undefined
  const asked = new Set(advisoryIds)
  const dates = new Map<string, Instant>()
  for (const record of read.value) {
    const id = advisoryId(record)
    const date = isJsonObject(record) ? parseMetadataTime(record['reportedAt']) : undefined
    if (id === undefined || date === undefined || !asked.has(id)) continue
    const before = dates.get(id)
    if (before === undefined || date < before) dates.set(id, date)
  }
  return JSON.stringify([...dates].toSorted(([one], [other]) => (one < other ? -1 : 1)))
}

const ReportDates = z.array(z.tuple([z.string(), Instant]))

/** @param text written by `reportDatesIn`. */
export function parseReportDates(text: string): ReadonlyMap<string, Instant> {
  return new Map(ReportDates.parse(JSON.parse(text)))
}

export interface Reported {
  readonly packageName: PackageName
  /** Written by `reportDatesIn`. */
  readonly dates: string
  readonly by: Instant
}

/** The advisories of a recorded document that are known to have been reported by then, as JSON. */
export function reportedBy(
  bytes: Buffer,
  { packageName, dates, by }: Reported,
): string | undefined {
  const reportedAt = parseReportDates(dates)
  return advisoriesText(bytes, packageName, (id) => {
    const date = id === undefined ? undefined : reportedAt.get(id)
    return date !== undefined && date <= by
  })
}
