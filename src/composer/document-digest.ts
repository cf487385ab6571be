import { isAllOwn, parseDocument } from './document.ts'
import { digestOfFilter, readFilter, type ReadFilter } from './document-filter.ts'
import { problemsOfVersions } from './loadable.ts'
import type { PackageName } from './names.ts'
import { vendorsStoodInFor } from './stand-ins.ts'

/** What decides whether the bytes of a document are served as they are. */
export interface DocumentDigest {
  /** `parseDocument` leaves nothing out, and Composer can load all of it. */
  readonly isWhole: boolean
  /** Vendors whose packages its versions replace or provide, or `anyVendor`. */
  readonly standsInFor: readonly string[]
  /** What Composer reads out of its `filter`: see `digestOfFilter`. */
  readonly filter: string
}

/** In place of vendors, when there are too many to list. */
export const anyVendor = '*'

/** None of 2,313 real documents stands in for packages of more than four other vendors. */
const vendorsMax = 100

/** undefined: the bytes are no document, or one past the limits. */
export function digestDocument(
  bytes: Buffer,
  packageName: PackageName,
): DocumentDigest | undefined {
  const parsed = parseDocument(bytes, packageName)
  if (!parsed.ok) return undefined
  const vendors = vendorsStoodInFor(parsed.document.versions, packageName)
  return {
    isWhole: isAllOwn(parsed.document) && problemsOfVersions(parsed.document.versions).size === 0,
    standsInFor: vendors.size > vendorsMax ? [anyVendor] : [...vendors].toSorted(),
    filter: digestOfFilter(parsed.document.top['filter'], packageName),
  }
}

/** What the lists in a document say; undefined: the bytes are no document, or one past the limits. */
export function filterListsIn(bytes: Buffer, packageName: PackageName): ReadFilter | undefined {
  const parsed = parseDocument(bytes, packageName)
  return parsed.ok ? readFilter(parsed.document.top['filter'], packageName) : undefined
}
