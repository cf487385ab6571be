import assert from 'node:assert/strict'
import type { PackageDocument } from './document.ts'
import { isJsonObject, type JsonObject, minifyVersions } from './minify.ts'
import type { PackageName } from './names.ts'

/**
 * A document without the versions that aren't wanted, written the way it was: minified or not, a list
 * or a map, every other key in its place. undefined when nothing has to go, and the bytes can stay.
 */
export function filterVersions(
  { top, minified, versions }: PackageDocument,
  packageName: PackageName,
  isWanted: (version: JsonObject) => boolean,
): Buffer | undefined {
  const packages = top['packages']
  assert(isJsonObject(packages), 'a parsed document has packages')
  const sent = packages[packageName]
  const keys = isJsonObject(sent) ? Object.keys(sent) : undefined
  const kept = [...versions.entries()].filter(([, version]) => isWanted(version))
  if (kept.length === versions.length) return undefined

  const complete = kept.map(([, version]) => version)
  const list = minified ? minifyVersions(complete) : complete
  const written =
    keys === undefined
      ? list
      : Object.fromEntries(kept.map(([sentIndex], index) => [keys[sentIndex], list[index]]))
  return Buffer.from(JSON.stringify({ ...top, packages: { ...packages, [packageName]: written } }))
}
