import { isAllOwn, type PackageDocument } from './document.ts'
import type { JsonObject } from './minify.ts'
import type { PackageName } from './names.ts'
import { writeDocument } from './write-document.ts'

/**
 * A document without the versions that aren't wanted, and without what is given to nobody. undefined when
 * nothing has to go, and the bytes can stay.
 */
export function filterVersions(
  document: PackageDocument,
  packageName: PackageName,
  isWanted: (version: JsonObject) => boolean,
): Buffer | undefined {
  const kept = [...document.versions.entries()].filter(([, version]) => isWanted(version))
  if (kept.length === document.versions.length && isAllOwn(document)) return undefined
  return writeDocument(document, packageName, kept)
}
