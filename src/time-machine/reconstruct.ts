import { isAllOwn, readRecorded } from '../composer/document.ts'
import type { JsonObject } from '../composer/minify.ts'
import type { PackageName } from '../composer/names.ts'
import { advisoriesNamed } from '../composer/security-advisories.ts'
import { writeDocument } from '../composer/write-document.ts'
import { type Instant, parseMetadataTime } from './instant.ts'

/**
 * The best guess at what a document was at `at`, from one that was first seen later: the same without
 * the versions published after `at`, and without its word that the package is abandoned, which has no date.
 * Versions that don't say when they were published stay. For its advisories see report-dates.ts.
 *
 * What upstream had then and has deleted since can't be in it. The same input gives the same bytes for
 * ever, and when nothing has to go they are the very bytes passed in.
 *
 * @param bytes of a recorded document.
 */
export function reconstructDocument(bytes: Buffer, packageName: PackageName, at: Instant): Buffer {
  const document = readRecorded(bytes, packageName)
  const kept = [...document.versions.entries()]
    .filter(([, version]) => !isPublishedAfter(version, at))
    .map(([place, version]) => [place, withoutHindsight(version)] as const)
  const isSame =
    kept.length === document.versions.length &&
    kept.every(([place, version]) => version === document.versions[place])
  return isSame && isAllOwn(document) ? bytes : writeDocument(document, packageName, kept)
}

/** What a document says that is of its own day and not of that of its versions. */
export interface Hindsight {
  readonly isAbandoned: boolean
  /** Whether it names advisories, and the ids of those that have one. */
  readonly isNamingAdvisories: boolean
  readonly advisoryIds: readonly string[]
}

export function hindsightIn(bytes: Buffer, packageName: PackageName): Hindsight {
  const document = readRecorded(bytes, packageName)
  const { isNaming, ids } = advisoriesNamed(document)
  return {
    isAbandoned: document.versions.some((version) => Object.hasOwn(version, 'abandoned')),
    isNamingAdvisories: isNaming,
    advisoryIds: ids,
  }
}

/** When the versions of a document were published, in order, each instant once. */
export function publicationTimes(bytes: Buffer, packageName: PackageName): readonly Instant[] {
  const document = readRecorded(bytes, packageName)
  const times = document.versions.flatMap((version) => publicationTime(version) ?? [])
  return [...new Set(times)].toSorted()
}

function withoutHindsight(version: JsonObject): JsonObject {
  if (!Object.hasOwn(version, 'abandoned')) return version
  const { abandoned: _, ...others } = version
  return others
}

function isPublishedAfter(version: JsonObject, at: Instant): boolean {
  const publishedAt = publicationTime(version)
  return publishedAt !== undefined && publishedAt > at
}

/** `published-time` is Packagist's own clock; `time` is the author's and may say anything. */
function publicationTime(version: JsonObject): Instant | undefined {
  return parseMetadataTime(version['published-time']) ?? parseMetadataTime(version['time'])
}
