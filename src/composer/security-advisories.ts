import { type PackageDocument, readRecorded } from './document.ts'
import { isJsonObject } from './minify.ts'
import type { PackageName } from './names.ts'
import { writeDocument } from './write-document.ts'

const key = 'security-advisories'

/** Moodle, of which there are most, has some hundreds. Ids past these aren't asked about. */
const idsMax = 10_000
const idLengthMax = 255

/** Whether a document names advisories at all, and the ids of those that have one, each once. */
export function advisoriesNamed({ top }: PackageDocument): {
  readonly isNaming: boolean
  readonly ids: readonly string[]
} {
  const entries = entriesOf(top[key])
  const ids = new Set(entries.flatMap(([, entry]) => advisoryId(entry) ?? []))
  return { isNaming: entries.length > 0, ids: [...ids].slice(0, idsMax) }
}

/**
 * The advisories of a recorded document, as JSON; undefined: it has no such key.
 *
 * @param isKept of an advisory's id; undefined: it has none.
 */
export function advisoriesText(
  bytes: Buffer,
  packageName: PackageName,
  isKept: (id: string | undefined) => boolean,
): string | undefined {
  const { top } = readRecorded(bytes, packageName)
  const advisories = top[key]
  if (!Object.hasOwn(top, key)) return undefined
  const kept = entriesOf(advisories).filter(([, entry]) => isKept(advisoryId(entry)))
  if (kept.length === entriesOf(advisories).length) return JSON.stringify(advisories)
  // Empty it may be, but never absent: Composer would then ask for those of today.
  return JSON.stringify(
    Array.isArray(advisories) ? kept.map(([, entry]) => entry) : Object.fromEntries(kept),
  )
}

/** A document with other advisories; the very bytes when it has the same. */
export function withAdvisories(
  bytes: Buffer,
  packageName: PackageName,
  advisories: string | undefined,
): Buffer {
  const document = readRecorded(bytes, packageName)
  const { [key]: before, ...others } = document.top
  if (JSON.stringify(before) === advisories) return bytes
  const top = advisories === undefined ? others : { ...document.top, [key]: JSON.parse(advisories) }
  return writeDocument({ ...document, top }, packageName, [...document.versions.entries()])
}

/** PHP makes no difference between a list and an object. */
function entriesOf(advisories: unknown): readonly (readonly [string, unknown])[] {
  return Array.isArray(advisories) || isJsonObject(advisories) ? Object.entries(advisories) : []
}

export function advisoryId(entry: unknown): string | undefined {
  const id = isJsonObject(entry) ? entry['advisoryId'] : undefined
  return typeof id === 'string' && id !== '' && id.length <= idLengthMax ? id : undefined
}
