import { isUtf8 } from 'node:buffer'
import { z } from 'zod'
import { expandVersions, isJsonObject, type JsonObject } from './minify.ts'
import type { PackageName } from './names.ts'
import { normalizeVersion } from './versions.ts'

/** A metadata file of one package: `p2/vendor/name.json` or `p2/vendor/name~dev.json`. */
export type PackageDocument = {
  /** All of the parsed JSON, the versions as they were sent. */
  readonly top: JsonObject
  /** Whether the versions were sent as differences. */
  readonly minified: boolean
  /** Each one complete, in the order sent. */
  readonly versions: readonly JsonObject[]
}

export type ParsedDocument =
  | { readonly ok: true; readonly document: PackageDocument }
  | { readonly ok: false; readonly problem: string }

const depthMax = 64

/**
 * Reads a metadata file and checks what Composer relies on: that it is well-formed, and about the
 * package that was asked for. Versions may be a list, or an object of which the values are versions.
 *
 * A problem is a clause without upstream's words in it, fit for logs and events.
 */
export function parseDocument(bytes: Buffer, packageName: PackageName): ParsedDocument {
  // Counted first: a parser would build all the levels before anyone could refuse them.
  if (depthOf(bytes) > depthMax) return refused(`JSON nested deeper than ${depthMax} levels`)
  const top = parseJson(bytes)
  if (top === undefined) return refused('not JSON')
  if (!isJsonObject(top)) return refused('no "packages" object')
  const { packages, minified } = top
  if (!isJsonObject(packages)) return refused('no "packages" object')
  if (!Object.hasOwn(packages, packageName)) return refused('not about the package asked for')
  const sent = versionsSent(packages[packageName])
  if (sent === undefined) return refused('versions that are not all objects')
  if (minified === undefined)
    return { ok: true, document: { top, minified: false, versions: sent } }
  if (minified !== 'composer/2.0') return refused('minified in an unknown way')
  return { ok: true, document: { top, minified: true, versions: expandVersions(sent) } }
}

const text = z.string().min(1)
const textOrNull = text.nullable().catch(null)

/** Only what an archive is found by; a broken optional field counts as left out. */
const Normalized = z.object({
  version: text,
  version_normalized: text.optional().catch(undefined),
})
const Version = Normalized.extend({
  dist: z.object({ type: text, url: text, reference: textOrNull, shasum: textOrNull }),
})

/** For Composer 1; later ones read the version itself in place of it. */
const composer1DefaultBranch = '9999999-dev'

/**
 * The archive that a version offers; undefined when it has none, as metapackages do, or when what
 * makes one is missing. GitHub's archives come without a `shasum`.
 */
export function distsOf(version: JsonObject):
  | {
      readonly versionNormalized: string
      readonly version: string
      readonly reference: string | null
      readonly type: string
      readonly url: string
      readonly shasum: string | null
    }
  | undefined {
  const parsed = Version.safeParse(version)
  if (!parsed.success) return undefined
  const { version: asWritten, dist } = parsed.data
  const versionNormalized = normalizedVersion(version)
  if (versionNormalized === undefined) return undefined
  return { versionNormalized, version: asWritten, ...dist }
}

/** By which Composer compares a version; undefined when it couldn't load it. */
export function normalizedVersion(version: JsonObject): string | undefined {
  const parsed = Normalized.safeParse(version)
  if (!parsed.success) return undefined
  const { version: asWritten, version_normalized: sent } = parsed.data
  return sent === undefined || sent === composer1DefaultBranch ? normalizeVersion(asWritten) : sent
}

const Reference = z.object({ reference: text }).catch({ reference: '' })
const Named = z.object({
  version: text,
  source: Reference,
  dist: Reference,
})

/** A version by its name, and the commit that it stands for: the dist's, else the source's. */
export function namedVersion(
  version: JsonObject,
): { readonly version: string; readonly reference: string | undefined } | undefined {
  const parsed = Named.safeParse(version)
  if (!parsed.success) return undefined
  const { version: name, source, dist } = parsed.data
  const reference = dist.reference === '' ? source.reference : dist.reference
  return { version: name, reference: reference === '' ? undefined : reference }
}

function refused(problem: string): ParsedDocument {
  return { ok: false, problem }
}

function versionsSent(value: unknown): readonly JsonObject[] | undefined {
  const versions = isJsonObject(value) ? Object.values(value) : value
  return Array.isArray(versions) && versions.every(isJsonObject) ? versions : undefined
}

/** Undefined for what isn't JSON. PHP refuses broken UTF-8 and a byte order mark, so this does too. */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) return undefined
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}

const up = 1
const down = 2
const quote = 3
const backslash = 4

/** What a byte means to the depth of JSON; 0 is nothing. */
const meanings = new Uint8Array(256)
for (const byte of Buffer.from('[{')) meanings[byte] = up
for (const byte of Buffer.from(']}')) meanings[byte] = down
for (const byte of Buffer.from('"')) meanings[byte] = quote
for (const byte of Buffer.from('\\')) meanings[byte] = backslash

/** How deep arrays and objects are nested. Of bytes that aren't JSON: any number. */
export function depthOf(bytes: Buffer): number {
  let depth = 0
  let deepest = 0
  let insideString = false
  for (let index = 0; index < bytes.length; index++) {
    const meaning = meanings[bytes[index] ?? 0]
    if (meaning === quote) insideString = !insideString
    else if (meaning === backslash) index++
    else if (meaning === up && !insideString) depth++
    else if (meaning === down && !insideString) depth--
    if (depth > deepest) deepest = depth
  }
  return deepest
}
