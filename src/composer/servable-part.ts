import { isAllOwn, readRecorded } from './document.ts'
import { problemsOfVersions } from './loadable.ts'
import type { PackageName } from './names.ts'
import { withoutStandIns } from './stand-ins.ts'
import { matcherOf } from './vendor-patterns.ts'
import { writeDocument } from './write-document.ts'

/** What of a document of a package may be given to anybody. */
export interface ServablePart {
  readonly packageName: PackageName
  /** Patterns of packages that it may not stand in for: see vendor-patterns.ts. */
  readonly standsInForNone: readonly string[]
}

/**
 * A recorded document as it may be given to anybody: the very bytes, unless it has something in it that
 * `parseDocument` leaves out or Composer throws at, which a former release recorded, or stands in for what it may not.
 *
 * @param bytes of a recorded document.
 */
export function servablePart(
  bytes: Buffer,
  { packageName, standsInForNone }: ServablePart,
): Buffer {
  const document = readRecorded(bytes, packageName)
  const versions = withoutStandIns(document.versions, matcherOf(standsInForNone))
  const isSame = versions.every((version, index) => version === document.versions[index])
  const problems = problemsOfVersions(document.versions)
  if (isSame && problems.size === 0 && isAllOwn(document)) return bytes
  const loadable = [...versions.entries()].filter(
    ([index]) => !problems.has(document.versions[index] ?? {}),
  )
  return writeDocument(document, packageName, loadable)
}
