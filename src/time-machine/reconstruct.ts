import { readRecorded } from '../composer/document.ts'
import { filterVersions } from '../composer/filter-versions.ts'
import type { JsonObject } from '../composer/minify.ts'
import type { PackageName } from '../composer/names.ts'
import { type Instant, parseMetadataTime } from './instant.ts'

/**
 * The best guess at what a document was at `at`, from one that was first seen later: the same without
 * the versions published after `at`. Versions that don't say when they were published stay.
 *
 * What upstream had then and has deleted since can't be in it. The same input gives the same bytes for
 * ever, and when nothing has to go they are the very bytes passed in.
 *
 * @param bytes of a recorded document.
 */
export function reconstructDocument(bytes: Buffer, packageName: PackageName, at: Instant): Buffer {
  const document = readRecorded(bytes, packageName)
  const isThere = (version: JsonObject) => !isPublishedAfter(version, at)
  return filterVersions(document, packageName, isThere) ?? bytes
}

/** When the versions of a document were published, in order, each instant once. */
export function publicationTimes(bytes: Buffer, packageName: PackageName): readonly Instant[] {
  const document = readRecorded(bytes, packageName)
  const times = document.versions.flatMap((version) => publicationTime(version) ?? [])
  return [...new Set(times)].toSorted()
}

function isPublishedAfter(version: JsonObject, at: Instant): boolean {
  const publishedAt = publicationTime(version)
  return publishedAt !== undefined && publishedAt > at
}

/** `published-time` is Packagist's own clock; `time` is the author's and may say anything. */
function publicationTime(version: JsonObject): Instant | undefined {
  return parseMetadataTime(version['published-time']) ?? parseMetadataTime(version['time'])
}
