import { isUtf8 } from 'node:buffer'

/** How much JSON from outside may hold: refused before it is parsed. */
export interface JsonLimits {
  /** Arrays and objects inside each other. */
  readonly depthMax: number
  /** Members of objects and items of arrays, all of them together. */
  readonly valuesMax: number
}

export type ReadJson =
  | {
      readonly ok: true
      readonly value: unknown
      /** Whether PHP can read a part of the value: see `createTextCheck`. */
      readonly isReadable: (part: unknown) => boolean
    }
  /** A clause without upstream's words in it, fit for logs and events. */
  | { readonly ok: false; readonly problem: string }

/** The problem of what isn't JSON, whatever else it is. */
export const notJson = 'not JSON'

/**
 * Parses JSON within limits. They are counted in the bytes first: a parser would build all levels and values before
 * anyone could refuse them, and whoever writes a deep value again runs out of stack. PHP refuses broken UTF-8 and a
 * byte order mark, so this does too.
 */
export function readJson(bytes: Buffer, { depthMax, valuesMax }: JsonLimits): ReadJson {
  const measured = measure(bytes)
  if (measured.depth > depthMax) {
    return refused(`JSON nested deeper than ${depthMax} levels: ${measured.depth}`)
  }
  if (measured.values > valuesMax) {
    return refused(`JSON of more than ${valuesMax} values: ${measured.values}`)
  }
  if (!isUtf8(bytes)) return refused(notJson)
  try {
    return {
      ok: true,
      value: JSON.parse(bytes.toString('utf8')),
      isReadable: createTextCheck(bytes),
    }
  } catch {
    return refused(notJson)
  }
}

/** Parses JSON as PHP does: one text that it can't read costs it all the others. */
export function readJsonAsPhpDoes(bytes: Buffer, limits: JsonLimits): ReadJson {
  const json = readJson(bytes, limits)
  return json.ok && !json.isReadable(json.value) ? refused(unreadableText) : json
}

/** The problem of a part that `isReadable` is false for. */
export const unreadableText = 'text that PHP cannot read'

/** Without one of these in the bytes, every text is readable. */
const escapes = ['\\ud', '\\uD', '\\u0000']

/**
 * Finds what PHP's `json_decode` refuses all of the JSON for: half of a surrogate pair, in a text or a key, and a key
 * that begins with NUL when it makes objects. What parts share, as versions do, is looked through once.
 */
function createTextCheck(bytes: Buffer): (part: unknown) => boolean {
  if (!escapes.some((escape) => bytes.includes(escape))) return () => true
  const known = new Map<unknown, boolean>()
  function isReadable(part: unknown): boolean {
    if (typeof part !== 'string' && (typeof part !== 'object' || part === null)) return true
    const before = known.get(part)
    if (before !== undefined) return before
    const answer = lookThrough(part)
    known.set(part, answer)
    return answer
  }
  function lookThrough(part: string | object): boolean {
    if (typeof part === 'string') return !/\p{Cs}/u.test(part)
    if (Array.isArray(part)) return part.every(isReadable)
    return Object.entries(part).every(
      ([key, value]) => !key.startsWith('\0') && isReadable(key) && isReadable(value),
    )
  }
  return isReadable
}

function refused(problem: string): ReadJson {
  return { ok: false, problem }
}

const quote = 0x22
const backslash = 0x5c

/** What a byte outside of strings adds to the depth, and to the number of values. */
const levels = new Int8Array(256)
const values = new Uint8Array(256)
for (const byte of Buffer.from('[{')) levels[byte] = 1
for (const byte of Buffer.from(']}')) levels[byte] = -1
for (const byte of Buffer.from('[{,')) values[byte] = 1

/** How deep JSON is nested, and how many values it has; an empty container counts as one. Of other bytes: any numbers. */
function measure(bytes: Buffer): { readonly depth: number; readonly values: number } {
  let depth = 0
  let deepest = 0
  let count = 0
  let insideString = false
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0
    if (byte === quote) insideString = !insideString
    else if (byte === backslash) index++
    else if (!insideString) {
      depth += levels[byte] ?? 0
      count += values[byte] ?? 0
      if (depth > deepest) deepest = depth
    }
  }
  return { depth: deepest, values: count }
}
