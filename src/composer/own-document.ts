import assert from 'node:assert/strict'
import { normalizedVersion, parseDocument } from './document.ts'
import { type JsonObject, minifyVersions } from './minify.ts'
import type { PackageName } from './names.ts'
import { compareVersions, versionParts } from './version-compare.ts'

/**
 * A document of a package of ours with a version in its place, which takes the place of the one before.
 *
 * @param before its bytes until now; undefined: there is none yet.
 * @param version complete, with `version_normalized`.
 */
export function withVersion(
  before: Buffer | undefined,
  packageName: PackageName,
  version: JsonObject,
): Buffer {
  const normalized = normalizedVersion(version)
  assert(normalized !== undefined, 'a version that is published can be loaded')
  return write(packageName, [...othersIn(before, packageName, normalized), version])
}

/** The same without a version; with none at all, its list is empty. */
export function withoutVersion(
  before: Buffer | undefined,
  packageName: PackageName,
  versionNormalized: string,
): Buffer {
  return write(packageName, othersIn(before, packageName, versionNormalized))
}

/** The same before the first version. */
export function emptyDocument(packageName: PackageName): Buffer {
  return write(packageName, [])
}

function othersIn(
  before: Buffer | undefined,
  packageName: PackageName,
  versionNormalized: string,
): readonly JsonObject[] {
  if (before === undefined) return []
  const parsed = parseDocument(before, packageName)
  assert(parsed.ok, 'a document that was written here can be read')
  return parsed.document.versions.filter((other) => normalizedVersion(other) !== versionNormalized)
}

function write(packageName: PackageName, versions: readonly JsonObject[]): Buffer {
  const sorted = versions
    .map((version) => ({ version, normalized: normalizedVersion(version) ?? '' }))
    .map((each) => ({ ...each, parts: versionParts(each.normalized) }))
    .toSorted((one, other) => {
      const byName = Number(isNamed(one.normalized)) - Number(isNamed(other.normalized))
      if (byName !== 0) return byName
      const byVersion = isNamed(one.normalized) ? 0 : compareVersions(other.parts, one.parts)
      return byVersion === 0 ? (one.normalized < other.normalized ? -1 : 1) : byVersion
    })
    .map(({ version }) => version)
  const body = JSON.stringify({
    minified: 'composer/2.0',
    packages: { [packageName]: minifyVersions(sorted) },
    'security-advisories': [],
  })
  const bytes = Buffer.from(body)
  assert(parseDocument(bytes, packageName).ok, 'what is written can be read')
  return bytes
}

/** A branch by name has no order among the others: those come after the numbered ones, by name. */
function isNamed(versionNormalized: string): boolean {
  return versionNormalized.startsWith('dev-')
}
