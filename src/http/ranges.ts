import type { IncomingHttpHeaders } from 'node:http'
import type { ByteRange } from '../archives/blobs.ts'

interface Whole {
  /** Strong, with its quotes. */
  readonly etag: string
  readonly sizeBytes: number
}

/**
 * The part that a request asks for, cut to what is there; `unsatisfiable`: it begins after the end. What
 * may be ignored is: several ranges, other units, what can't be parsed, and `If-Range` with anything but
 * this ETag, a date included.
 */
export function wantedRange(
  headers: IncomingHttpHeaders,
  { etag, sizeBytes }: Whole,
): ByteRange | 'whole' | 'unsatisfiable' {
  const ifRange = headers['if-range']
  const asked = ifRange === undefined || ifRange === etag ? parseRange(headers.range) : undefined
  if (asked === undefined) return 'whole'
  const { first, last } = asked
  const from = first ?? Math.max(0, sizeBytes - (last ?? 0))
  const to = first === undefined || last === undefined ? sizeBytes : Math.min(last + 1, sizeBytes)
  return from < to ? { from, to } : 'unsatisfiable'
}

/** `first` and `last` byte; without `first`, `last` is a number of bytes at the end. */
function parseRange(
  header = '',
): { readonly first: number | undefined; readonly last: number | undefined } | undefined {
  const groups = /^bytes=[ \t]*(?<first>\d*)-(?<last>\d*)[ \t]*$/i.exec(header)?.groups
  const [first, last] = [groups?.['first'], groups?.['last']].map(numberIn)
  if (first === undefined && last === undefined) return undefined
  if (first !== undefined && last !== undefined && last < first) return undefined
  return { first, last }
}

function numberIn(digits: string | undefined): number | undefined {
  return digits === undefined || digits === '' ? undefined : Number(digits)
}
