const unitSeconds = { W: 604_800, D: 86_400, H: 3_600, M: 60, S: 1 } as const

const form =
  /^P(?:(\d{1,6})W|(?:(\d{1,6})D)?(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?)$/

/**
 * Seconds of an ISO 8601 duration, such as `P30D` or `PT12H`. Undefined for anything else, for
 * nothing, and for months and years, which have no length.
 */
export function parseDuration(text: string): number | undefined {
  const [, weeks, days, hours, minutes, seconds] = form.exec(text) ?? []
  const total =
    Number(weeks ?? 0) * unitSeconds.W +
    Number(days ?? 0) * unitSeconds.D +
    Number(hours ?? 0) * unitSeconds.H +
    Number(minutes ?? 0) * unitSeconds.M +
    Number(seconds ?? 0) * unitSeconds.S
  return total === 0 ? undefined : total
}
