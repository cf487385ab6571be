import { floorToSecond, type Instant, parseMetadataTime } from '../time-machine/instant.ts'
import { toldKeys } from './composer-json.ts'
import { isLinkConstraint } from './constraints.ts'
import { problemOfVersion } from './loadable.ts'
import type { JsonObject } from './minify.ts'
import { distTemplate } from './mirror-tokens.ts'
import type { PackageName } from './names.ts'
import { normalizeVersion } from './versions.ts'

/** What a publication says of a version, beside its composer.json. */
export interface Publication {
  readonly packageName: PackageName
  readonly version: string
  readonly versionNormalized: string
  /** Of the archive, in hex. */
  readonly sha256: string
  readonly sha1: string
  /** A whole second. */
  readonly publishedAt: Instant
  /** When it was published elsewhere before. */
  readonly publishedTime?: Instant | undefined
}

/**
 * What Composer compares a version by; undefined for one that isn't published: which Composer doesn't
 * know, or which can't be a part of an archive's URL.
 */
export function publishableVersion(version: string): string | undefined {
  if (!/^[A-Za-z0-9][A-Za-z0-9._+/-]{0,149}$/.test(version)) return undefined
  return normalizeVersion(version)
}

/**
 * A version as a repository tells it, with Packagist's keys in Packagist's order. The URL of its archive
 * is the template that `rewriteDists` completes, so that what is kept knows no PUBLIC_URL.
 *
 * The reference is what the archive is named by, so the same version is the same bytes for ever.
 */
export function publishedVersion(json: JsonObject, publication: Publication): JsonObject {
  const { version, versionNormalized, sha256: reference, sha1: shasum, publishedAt } = publication
  const told: Record<string, unknown> = { ...pickTold(json), name: publication.packageName }
  const url = distTemplate('').replace('%type%', 'zip')
  const { name, description, keywords, homepage, license, authors, type, ...others } = told
  const { support, 'php-ext': phpExt, funding, time: _, ...loaded } = others
  return withoutNothing({
    name,
    description,
    keywords,
    homepage,
    version,
    version_normalized: versionNormalized,
    license: listOf(license),
    authors,
    dist: { type: 'zip', url, reference, shasum },
    type: type ?? 'library',
    support,
    'php-ext': phpExt,
    funding,
    time: rfc3339(parseMetadataTime(json['time']) ?? publishedAt),
    'published-time': rfc3339(publication.publishedTime ?? publishedAt),
    ...loaded,
    ...(loaded['bin'] === undefined ? {} : { bin: listOf(loaded['bin']) }),
  })
}

/** In the order of `toldKeys`. */
function pickTold(json: JsonObject): JsonObject {
  return Object.fromEntries(toldKeys.map((key) => [key, json[key]]))
}

/** To PHP, null is as good as left out. */
function withoutNothing(version: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(version).filter(([, value]) => value !== undefined && value !== null),
  )
}

function listOf(value: unknown): unknown {
  return typeof value === 'string' ? [value] : value
}

/** As Packagist writes it. */
function rfc3339(instant: Instant): string {
  return `${floorToSecond(instant).slice(0, 19)}+00:00`
}

const versionBytesMax = 128 * 1024

/** Why a version can't be served, though its composer.json is good. A clause that says what to do. */
export function problemOfPublished(version: JsonObject): string | undefined {
  const sizeBytes = Buffer.byteLength(JSON.stringify(version))
  if (sizeBytes > versionBytesMax) {
    return `what it tells Composer must have at most ${versionBytesMax} bytes, and has ${sizeBytes}`
  }
  const asWritten = String(version['version'])
  if (namesItself(version) && !isLinkConstraint(asWritten)) {
    return `self.version must be written out, since ${asWritten} is no constraint`
  }
  // Its dist isn't told but made here, with a URL that is completed when it is sent.
  const { dist: _, ...told } = version
  return problemOfVersion(told)
}

function namesItself(version: JsonObject): boolean {
  return Object.values(version).some(
    (links) =>
      typeof links === 'object' && links !== null && Object.values(links).includes('self.version'),
  )
}
