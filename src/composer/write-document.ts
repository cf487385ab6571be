import assert from 'node:assert/strict'
import type { PackageDocument } from './document.ts'
import { isJsonObject, type JsonObject, minifyVersions } from './minify.ts'
import type { PackageName } from './names.ts'

/**
 * A document with other versions, written the way it was: minified or not, a list or a map, every other
 * key in its place.
 *
 * @param versions complete ones, each with the place that it has among those of the document.
 */
export function writeDocument(
  { top, minified, keys }: PackageDocument,
  packageName: PackageName,
  versions: readonly (readonly [place: number, version: JsonObject])[],
): Buffer {
  const packages = top['packages']
  assert(isJsonObject(packages), 'a parsed document has packages')
  const complete = versions.map(([, version]) => version)
  const list = minified ? minifyVersions(complete) : complete
  const written =
    keys === undefined
      ? list
      : Object.fromEntries(versions.map(([place], index) => [keys[place], list[index]]))
  return Buffer.from(JSON.stringify({ ...top, packages: { ...packages, [packageName]: written } }))
}
