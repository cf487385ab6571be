import assert from 'node:assert/strict'
import { parseDocument } from '../composer/document.ts'
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
 * @param bytes of a document that `parseDocument` accepts: others are never recorded.
 */
export function reconstructDocument(bytes: Buffer, packageName: PackageName, at: Instant): Buffer {
  const parsed = parseDocument(bytes, packageName)
  assert(parsed.ok, 'a recorded document can be read')
  const isThere = (version: JsonObject) => !isPublishedAfter(version, at)
  return filterVersions(parsed.document, packageName, isThere) ?? bytes
}

/** `published-time` is Packagist's own clock; `time` is the author's and may say anything. */
function isPublishedAfter(version: JsonObject, at: Instant): boolean {
  const publishedAt =
    parseMetadataTime(version['published-time']) ?? parseMetadataTime(version['time'])
  return publishedAt !== undefined && publishedAt > at
}
