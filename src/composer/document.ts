import { z } from 'zod'
import { readJson } from './json.ts'
import { countExpandedKeys, expandVersions, isJsonObject, type JsonObject } from './minify.ts'
import type { PackageName } from './names.ts'
import { withPrintableNotices } from './notices.ts'
import { type About, type LeftOut, whyNeverServed, withoutOthers } from './own-content.ts'
import { composer1DefaultBranch, normalizeVersion } from './versions.ts'

/** A metadata file of one package: `p2/vendor/name.json` or `p2/vendor/name~dev.json`. */
export type PackageDocument = {
  /** The parsed JSON without what is of other packages, the versions as they were sent. */
  readonly top: JsonObject
  /** Whether the versions were sent as differences. */
  readonly minified: boolean
  /** Each one complete, in the order sent, without those that are given to nobody. */
  readonly versions: readonly JsonObject[]
  /** The key that each version was sent under; undefined: they were sent as a list. */
  readonly keys: readonly string[] | undefined
  /** Versions that are given to nobody. */
  readonly leftOut: readonly LeftOut[]
  /** What was sent beside and is about other packages. */
  readonly others: readonly LeftOut[]
}

export type ParsedDocument =
  | { readonly ok: true; readonly document: PackageDocument }
  /** `isNoSuch`: what Composer takes for "no such package". */
  | { readonly ok: false; readonly problem: string; readonly isNoSuch?: true }

/**
 * How much a document may hold. Each limit is several times above the largest of 2,313 real documents, which is
 * laravel/framework's but for the depth: 7 levels, 27,404 values in 958,388 bytes, 1,258 versions, and 27,996 keys once
 * all versions are complete. The largest known document has 1.4 MB.
 */
const depthMax = 64
const valuesMax = 250_000
const versionsMax = 10_000
const expandedKeysMax = 250_000

/**
 * Reads a metadata file and checks what Composer relies on: that it is well-formed, and about the
 * package that was asked for. Versions may be a list, or an object of which the values are versions.
 *
 * A problem is a clause without upstream's words in it, fit for logs and events.
 */
export function parseDocument(bytes: Buffer, packageName: PackageName): ParsedDocument {
  const json = readJson(bytes, { depthMax, valuesMax })
  if (!json.ok) return json
  const { value: top, isReadable } = json
  if (typeof top !== 'object') return refused('no object')
  const ofPackage = partOf(top, packageName)
  if (!isJsonObject(top) || ofPackage === null) return noSuchPackage
  const { minified } = top
  const sent = versionsSent(ofPackage)
  if (sent === undefined) return refused('versions that are not all objects')
  if (sent.versions.length > versionsMax) {
    return refused(`more than ${versionsMax} versions: ${sent.versions.length}`)
  }
  const about: About = { packageName, isReadable }
  if (minified === undefined) {
    return { ok: true, document: ownPartOf({ top, minified: false, ...sent }, about) }
  }
  if (minified !== 'composer/2.0') return refused('minified in an unknown way')
  const expandedKeys = countExpandedKeys(sent.versions)
  if (expandedKeys > expandedKeysMax) {
    return refused(`versions of more than ${expandedKeysMax} keys when complete: ${expandedKeys}`)
  }
  const complete = { ...sent, versions: expandVersions(sent.versions) }
  return { ok: true, document: ownPartOf({ top, minified: true, ...complete }, about) }
}

/** A body that is past a limit: why, in our own words. */
export class DocumentUnreadable extends Error {
  override readonly name = 'DocumentUnreadable'
}

/**
 * Reads what was accepted once. A former release may have had other limits.
 *
 * @throws DocumentUnreadable when it is past one of today's.
 */
export function readRecorded(bytes: Buffer, packageName: PackageName): PackageDocument {
  const parsed = parseDocument(bytes, packageName)
  if (!parsed.ok) throw new DocumentUnreadable(parsed.problem)
  return parsed.document
}

/**
 * How many keys the versions in any document have when they are complete, which is what handling it costs; 0 when there
 * are none to be found. Takes as long as parsing what was sent.
 */
export function expandedKeysIn(bytes: Buffer): number {
  const json = readJson(bytes, { depthMax, valuesMax })
  const packages = json.ok && isJsonObject(json.value) ? json.value['packages'] : undefined
  if (!isJsonObject(packages)) return 0
  return Object.values(packages)
    .map((versions) => countExpandedKeys(versionsSent(versions)?.versions ?? []))
    .reduce((sum, keys) => sum + keys, 0)
}

function ownPartOf(
  document: Omit<PackageDocument, 'leftOut' | 'others'>,
  about: About,
): PackageDocument {
  const sent = withoutOthers(document.top, about)
  const { top, others } = withPrintableNotices(sent.top)
  const own = { ...document, top, others: [...sent.others, ...others] }
  const leftOut: LeftOut[] = []
  const places: number[] = []
  for (const [place, version] of document.versions.entries()) {
    const problem = whyNeverServed([document.keys?.[place], version], about)
    if (problem === undefined) places.push(place)
    else leftOut.push({ version: version['version'], problem })
  }
  if (leftOut.length === 0) return { ...own, leftOut }
  const kept = <Item>(items: readonly Item[]) => places.flatMap((place) => items[place] ?? [])
  const { versions, keys } = document
  return { ...own, leftOut, versions: kept(versions), keys: keys && kept(keys) }
}

/** Whether the bytes that were read may be given as they are. */
export function isAllOwn({ leftOut, others }: PackageDocument): boolean {
  return leftOut.length === 0 && others.length === 0
}

const text = z.string().min(1)
/** What can be stored, told and found again, as all is that `problemOfVersion` has nothing against. */
const storable = text.max(255).regex(/^[^\p{Cc}\p{Cs}]*$/u)
const storableOrNull = storable.nullable().catch(null)

/** Only what an archive is found by; a broken optional field counts as left out. */
const Normalized = z.object({
  version: text,
  version_normalized: text.optional().catch(undefined),
})
const Version = Normalized.extend({
  dist: z.object({
    type: storable,
    url: text.max(2_000).regex(/^[^\p{Cc}\p{Cs}]*$/u),
    reference: storableOrNull,
    shasum: storableOrNull,
  }),
})

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
  const versionNormalized = storable.safeParse(normalizedVersion(version)).data
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

const Reference = z.object({ reference: storable }).catch({ reference: '' })
const Named = z.object({
  version: storable,
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

const noSuchPackage: ParsedDocument = {
  ok: false,
  problem: 'not about the package asked for',
  isNoSuch: true,
}

/** What Composer finds of the package, whatever it is; null: nothing. */
function partOf(top: unknown, packageName: PackageName): unknown {
  const packages = isJsonObject(top) ? top['packages'] : undefined
  if (!isJsonObject(packages) || !Object.hasOwn(packages, packageName)) return null
  return packages[packageName]
}

function versionsSent(value: unknown): Pick<PackageDocument, 'versions' | 'keys'> | undefined {
  const versions = isJsonObject(value) ? Object.values(value) : value
  if (!Array.isArray(versions) || !versions.every(isJsonObject)) return undefined
  return { versions, keys: isJsonObject(value) ? Object.keys(value) : undefined }
}
