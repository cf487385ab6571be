import assert from 'node:assert/strict'
import { isAllOwn, type PackageDocument, parseDocument } from './document.ts'
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

/**
 * A recorded document as it may be given to anybody: the very bytes, unless it is of a former release and has
 * something in it that `parseDocument` leaves out.
 *
 * @param bytes of a document that `parseDocument` accepts: others are never recorded.
 */
export function servablePart(bytes: Buffer, packageName: PackageName): Buffer {
  const parsed = parseDocument(bytes, packageName)
  assert(parsed.ok, 'a recorded document can be read')
  return filterVersions(parsed.document, packageName, () => true) ?? bytes
}
