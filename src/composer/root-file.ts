import { type JsonLimits, readJson, readJsonAsPhpDoes } from './json.ts'
import { isJsonObject, type JsonObject } from './minify.ts'

/** Packagist's has some dozen values; others name all their packages in it, of which Packagist has 450,000. */
const limits: JsonLimits = { depthMax: 64, valuesMax: 1_000_000 }

/** Why a root file isn't taken: a clause without upstream's words in it. undefined: it can be. */
export function problemOfRootFile(bytes: Buffer): string | undefined {
  const json = readJsonAsPhpDoes(bytes, limits)
  if (!json.ok) return json.problem
  return isJsonObject(json.value) ? undefined : 'not a JSON object'
}

/**
 * Reads a recorded root file, without what PHP can't read of it. What is in it is looked at where it is used. One that is
 * past a limit, which a former release may have kept, says nothing: packages are there without it.
 */
export function parseRootFile(bytes: Buffer): JsonObject {
  const json = readJson(bytes, limits)
  if (!json.ok || !isJsonObject(json.value)) return {}
  const { value: root, isReadable } = json
  return isReadable(root) ? root : Object.fromEntries(Object.entries(root).filter(isReadable))
}
