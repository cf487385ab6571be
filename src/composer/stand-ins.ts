import { isJsonObject, type JsonObject } from './minify.ts'
import { loweredAsPhpDoes, type PackageName, vendorIn, vendorOf } from './names.ts'

/**
 * The links by which a package stands in for others: one that is required counts as there. What a package
 * requires, or conflicts with, it satisfies nothing by.
 */
const standInLinks = ['replace', 'provide'] as const

/** Vendors, beside the package's own, of whose packages its versions say that they stand in for them. */
export function vendorsStoodInFor(
  versions: readonly JsonObject[],
  packageName: PackageName,
): ReadonlySet<string> {
  const vendors = new Set<string>()
  // Versions share most links, and those of a minified list are the same objects.
  const seen = new Set<unknown>()
  for (const version of versions) {
    for (const kind of standInLinks) {
      const links = version[kind]
      if (!isJsonObject(links) || seen.has(links)) continue
      seen.add(links)
      for (const target of Object.keys(links)) vendors.add(vendorIn(loweredAsPhpDoes(target)) ?? '')
    }
  }
  vendors.delete('')
  vendors.delete(vendorOf(packageName))
  return vendors
}

/**
 * The versions, each without those of its links by which it would stand in for a reserved package.
 * What has none is the very object passed in.
 */
export function withoutStandIns(
  versions: readonly JsonObject[],
  isReserved: (name: string) => boolean,
): readonly JsonObject[] {
  const cleaned = new Map<JsonObject, JsonObject>()
  function clean(links: JsonObject): JsonObject {
    const known = cleaned.get(links)
    if (known !== undefined) return known
    const entries = Object.entries(links)
    const kept = entries.filter(([target]) => {
      const name = loweredAsPhpDoes(target)
      return vendorIn(name) === undefined || !isReserved(name)
    })
    const result = kept.length === entries.length ? links : Object.fromEntries(kept)
    cleaned.set(links, result)
    return result
  }
  return versions.map((version) => {
    let result = version
    for (const kind of standInLinks) {
      const links = version[kind]
      if (!isJsonObject(links)) continue
      const kept = clean(links)
      if (kept !== links) result = { ...result, [kind]: kept }
    }
    return result
  })
}
