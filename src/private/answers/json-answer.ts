import { DocumentUnreadable } from '../../composer/document.ts'
import { readJsonAsPhpDoes } from '../../composer/json.ts'
import { isJsonObject, type JsonObject } from '../../composer/minify.ts'
import { loweredAsPhpDoes } from '../../composer/names.ts'
import { noticesIn, printableJson } from '../../composer/notices.ts'
import { matcherOf } from '../../composer/vendor-patterns.ts'
import type { RelayAnswer } from '../../upstream/relay.ts'

/** A list of all of Packagist with three fields each has 1.7 million values, four levels deep. */
const limits = { depthMax: 32, valuesMax: 5_000_000 }

/** @throws DocumentUnreadable when it is anything else, or more than is read. */
function objectIn({ body }: RelayAnswer): JsonObject {
  const read = readJsonAsPhpDoes(body, limits)
  if (read.ok && isJsonObject(read.value)) return read.value
  throw new DocumentUnreadable(read.ok ? 'no JSON object' : read.problem)
}

export function jsonOf(value: JsonObject): RelayAnswer {
  return { status: 200, body: Buffer.from(JSON.stringify(value)) }
}

/** Of what upstream answered: what it has besides notices is for the caller to take out of it, by name. */
export function answered(answer: RelayAnswer | undefined): JsonObject {
  return answer === undefined ? {} : objectIn(answer)
}

/** Answers that aren't 200 have nothing for Composer but notices, and words for people who ask by hand. */
export function isRefusal(answer: RelayAnswer | undefined): answer is RelayAnswer {
  return answer !== undefined && answer.status !== 200
}

const words = ['status', 'error', 'message'] as const

/** A refusal of upstream's without what it may name; an answer without a body stays one. */
export function refusalOf(answer: RelayAnswer): RelayAnswer {
  if (answer.body.length === 0) return answer
  const read = readJsonAsPhpDoes(answer.body, limits)
  const upstreams = read.ok && isJsonObject(read.value) ? read.value : {}
  const told = words.flatMap((key) => {
    const text = upstreams[key]
    return typeof text === 'string' ? [[key, printableJson(text)] as const] : []
  })
  return {
    ...answer,
    body: Buffer.from(JSON.stringify({ ...Object.fromEntries(told), ...noticesIn(upstreams) })),
  }
}

/** Composer's own limit is below; longer ones are no names. */
const nameLengthMax = 255

/**
 * Tells names that upstream may say from those that are reserved, as Composer reads them: A to Z count as lower
 * case, and no other letter does. Vendors are remembered, since in lists one comes many times.
 */
export function createIsOthers(patterns: readonly string[]): (name: unknown) => name is string {
  const isReserved = matcherOf(patterns)
  const known = new Map<string, boolean>()
  return (name): name is string => {
    if (typeof name !== 'string' || name.length > nameLengthMax) return false
    const lowered = loweredAsPhpDoes(name)
    const [vendor = ''] = lowered.split('/', 1)
    const hasOurs = known.get(vendor) ?? isReserved(vendor)
    known.set(vendor, hasOurs)
    return !hasOurs || !isReserved(lowered)
  }
}

/** Members whose names upstream may say, fit to be printed. */
export function othersIn(byName: unknown, isOthers: (name: unknown) => boolean): JsonObject {
  // PHP writes an object without members as a list.
  if (!isJsonObject(byName)) return {}
  const members = Object.entries(byName).filter(([name]) => isOthers(name))
  return Object.fromEntries(members.map(([name, value]) => [name, printableJson(value)]))
}
