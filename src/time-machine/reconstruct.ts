import assert from 'node:assert/strict'
import { parseDocument } from '../composer/document.ts'
import { isJsonObject, type JsonObject, minifyVersions } from '../composer/minify.ts'
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
  const { top, minified, versions } = parsed.document
  const packages = top['packages']
  assert(isJsonObject(packages))

  const sent = packages[packageName]
  const keys = isJsonObject(sent) ? Object.keys(sent) : undefined
  const kept = [...versions.entries()].filter(([, version]) => !isPublishedAfter(version, at))
  if (kept.length === versions.length) return bytes

  const complete = kept.map(([, version]) => version)
  const list = minified ? minifyVersions(complete) : complete
  const written =
    keys === undefined
      ? list
      : Object.fromEntries(kept.map(([sentIndex], index) => [keys[sentIndex], list[index]]))
  // Known keys keep their places: only the versions differ from what upstream wrote.
  return Buffer.from(JSON.stringify({ ...top, packages: { ...packages, [packageName]: written } }))
}

/** `published-time` is Packagist's own clock; `time` is the author's and may say anything. */
function isPublishedAfter(version: JsonObject, at: Instant): boolean {
  const publishedAt =
    parseMetadataTime(version['published-time']) ?? parseMetadataTime(version['time'])
  return publishedAt !== undefined && publishedAt > at
}
