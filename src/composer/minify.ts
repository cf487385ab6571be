/** A parsed JSON object: keys are data, `__proto__` included. */
export type JsonObject = Readonly<Record<string, unknown>>

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** In place of a value, says that the version lacks a key which the one before it had. */
const unset = '__unset'

/**
 * Undoes `minifyVersions`: the first version is complete, each later one holds only the top-level
 * keys in which it differs from the version before it.
 */
export function expandVersions(minified: readonly JsonObject[]): JsonObject[] {
  const versions: JsonObject[] = []
  let previous: JsonObject | undefined
  for (const difference of minified) {
    // Spread defines keys, `__proto__` included, where assigning would call a setter.
    const version: Record<string, unknown> = { ...previous, ...difference }
    // In the first version there is nothing to take back.
    const keys = previous === undefined ? [] : Object.keys(difference)
    for (const key of keys) {
      if (difference[key] === unset) delete version[key]
    }
    versions.push(version)
    previous = version
  }
  return versions
}

/**
 * How many top-level keys the versions of `expandVersions` have together. Takes as long as what is sent, however much
 * comes of it.
 */
export function countExpandedKeys(minified: readonly JsonObject[]): number {
  const inForce = new Set<string>()
  let expandedKeys = 0
  for (const [index, difference] of minified.entries()) {
    for (const key of Object.keys(difference)) {
      if (index > 0 && difference[key] === unset) inForce.delete(key)
      else inForce.add(key)
    }
    expandedKeys += inForce.size
  }
  return expandedKeys
}

/**
 * Writes versions as Packagist does. Which versions stand next to each other decides every byte, so a
 * minified list can't be filtered: expand it, filter, and minify what is left.
 *
 * Versions must not hold the value `"__unset"` at their top level: the format can't say it.
 */
export function minifyVersions(versions: readonly JsonObject[]): JsonObject[] {
  const [first, ...others] = versions
  if (first === undefined) return []
  // What a reader has in hand by now. Its key order, not the version's, is the order of the unsets.
  const current = copied(first)
  return [first, ...others.map((version) => advance(current, version))]
}

/** Makes `current` hold what `version` holds, and returns the difference. */
function advance(current: Record<string, unknown>, version: JsonObject): JsonObject {
  const difference = copied({})
  for (const key of Object.keys(version)) {
    const isKept = isSame(current[key], version[key])
    // The very value that later versions share, so that it isn't compared member by member with each.
    current[key] = version[key]
    if (!isKept) difference[key] = version[key]
  }
  for (const key of Object.keys(current)) {
    if (Object.hasOwn(version, key)) continue
    difference[key] = unset
    delete current[key]
  }
  return difference
}

/** Like PHP's `===` on arrays: the order of the keys counts, so it may not get lost either. */
function isSame(left: unknown, right: unknown): boolean {
  if (left === right) return true
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right)) return false
    return left.length === right.length && left.every((item, index) => isSame(item, right[index]))
  }
  if (!isJsonObject(left) || !isJsonObject(right)) return false
  const keys = Object.keys(left)
  const rightKeys = Object.keys(right)
  if (keys.length !== rightKeys.length) return false
  return keys.every((key, index) => key === rightKeys[index] && isSame(left[key], right[key]))
}

/** Without a prototype: assigning to `__proto__` then makes a key like any other. */
function copied(object: JsonObject): Record<string, unknown> {
  return Object.assign(Object.create(null), object)
}
