import { type JsonLimits, notJson, readJson, readJsonAsPhpDoes } from './json.ts'
import { isJsonObject, type JsonObject } from './minify.ts'

/** Packagist's has some dozen values; others name all their packages in it, of which Packagist has 450,000. */
const limits: JsonLimits = { depthMax: 64, valuesMax: 1_000_000 }

/**
 * Why a root file isn't taken: a clause without upstream's words in it, which says what it has and what is needed.
 * undefined: it can be.
 */
export function problemOfRootFile(bytes: Buffer): string | undefined {
  const json = readJsonAsPhpDoes(bytes, limits)
  if (!json.ok) return json.problem === notJson ? whatElse(bytes) : json.problem
  if (!isJsonObject(json.value)) return 'not a JSON object'
  const layout = otherLayoutOf(json.value)
  return layout && `${layout}; what can be read is a repository with ${needed}`
}

const needed = '`metadata-url`, whose documents are at `p2/%package%.json` below its URL'

/** Of a server that answers with a page of its own where a repository should be. */
function whatElse(bytes: Buffer): string {
  const beginning = bytes.subarray(0, 200).toString().trimStart()
  return beginning.startsWith('<') ? `an HTML or XML page, ${notJson}` : notJson
}

/** In a word, what it has in place of the only layout there is to read; undefined: it has that one. */
function otherLayoutOf(root: JsonObject): string | undefined {
  const { 'metadata-url': url } = root
  const isNamed = typeof url === 'string' && url !== ''
  if (isNamed) {
    return /(?:^|\/)p2\/%package%\.json(?:\?|$)/.test(url)
      ? undefined
      : 'its `metadata-url` is another'
  }
  const has = (key: string): boolean => Object.keys(Object(root[key])).length > 0
  const ofComposer1 = ['provider-includes', 'providers-url', 'providers-lazy-url'].filter(has)
  if (ofComposer1.length > 0) return `in the layout of Composer 1 (${quoted(ofComposer1)})`
  if (has('includes'))
    return 'all packages are in files beside it (`includes`), as Satis writes them'
  if (has('packages')) return 'all packages are in itself (`packages`)'
  return namesNoPlace
}

/** It has nothing yet, so it isn't of another layout either. */
const namesNoPlace = 'it names no place of documents'

/** Whether a root file isn't taken for what it has, rather than for what it lacks. */
export function isOfOtherLayout(problem: string): boolean {
  return !problem.startsWith(namesNoPlace)
}

function quoted(keys: readonly string[]): string {
  return keys.map((key) => `\`${key}\``).join(', ')
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
