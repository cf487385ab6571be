import { isDistType } from './dist-types.ts'
import { readRecorded } from './document.ts'
import { isJsonObject, type JsonObject } from './minify.ts'
import { distTemplate, referenceToken, versionToken } from './mirror-tokens.ts'
import type { PackageName } from './names.ts'
import { isBranch } from './versions.ts'
import { writeDocument } from './write-document.ts'

/**
 * A document whose archives are all at this proxy, whether it will have them or not: `dist.url` is
 * ours, and `dist.mirrors` is left out. All else stays, also where the sources are.
 *
 * Our URL is the template of a mirror, filled in as Composer would, as far as it says the same to all: of a branch it leaves
 * the reference to Composer, so that `dev-main#<commit>` asks for that commit and isn't given the branch's archive under a
 * wrong name. What versions share stays shared, and is a template as a whole. Where a SHA-1 is named, the URL asks for
 * these very bytes: upstream may pack a version anew, and this document may be of before.
 *
 * @param bytes of a recorded document.
 * @param publicUrl how clients reach this proxy, without a trailing slash.
 */
export function rewriteDists(bytes: Buffer, packageName: PackageName, publicUrl: string): Buffer {
  const document = readRecorded(bytes, packageName)
  const rewritten = createRewrite(document.versions, packageName, publicUrl)
  const written = document.versions.map((version) => rewritten(version))
  return writeDocument(document, packageName, [...written.entries()])
}

/** What versions share is rewritten once, and shared again: a kilobyte can stand for gigabytes. */
function createRewrite(
  versions: readonly JsonObject[],
  packageName: PackageName,
  publicUrl: string,
): (version: JsonObject) => JsonObject {
  const uses = new Map<unknown, number>()
  for (const { dist } of versions) uses.set(dist, (uses.get(dist) ?? 0) + 1)
  const known = new Map<JsonObject, JsonObject>()
  return (version) => {
    const { dist } = version
    if (!isJsonObject(dist)) return version
    const before = known.get(dist)
    if (before !== undefined) return { ...version, dist: before }
    const { mirrors: _, ...kept } = dist
    const url = ownUrl(dist, publicUrl)
    const isShared = uses.get(dist) !== 1
    const rewritten = { ...kept, url: isShared ? url : filledInOf(url, version, packageName) }
    known.set(dist, rewritten)
    return { ...version, dist: rewritten }
  }
}

function filledInOf(url: string, version: JsonObject, packageName: PackageName): string {
  const { version_normalized: normalized, dist } = version
  const { reference } = isJsonObject(dist) ? dist : {}
  if (typeof normalized !== 'string') return url
  const isOfTag = !isBranch(normalized) && typeof reference === 'string'
  return url
    .replace('%package%', packageName)
    .replace('%version%', () => encodeURIComponent(versionToken(normalized)))
    .replace('%reference%', () => (isOfTag ? referenceToken(reference) : '%reference%'))
}

/**
 * The type is written out: PHP opens a phar by the end of its name, which Composer takes from here. So
 * it does with the whole name of what is one file.
 */
function ownUrl(dist: JsonObject, publicUrl: string): string {
  const { shasum, url } = dist
  const own = ownPath(dist, publicUrl)
  const isOfUpstream = !String(url).startsWith('/')
  const isSha1 = typeof shasum === 'string' && /^[0-9a-f]{40}$/.test(shasum)
  return isOfUpstream && isSha1 ? `${own}?sha1=${shasum}` : own
}

function ownPath({ type, url }: JsonObject, publicUrl: string): string {
  const template = distTemplate(publicUrl)
  if (typeof type !== 'string' || !isDistType(type)) return template
  const own = template.replace('%type%', type)
  const [, fileName] = /^[^?#]+\/([\w.~+-]+)(?:[?#]|$)/.exec(String(url)) ?? []
  const isOneFile = type === 'file' || type === 'gzip'
  return isOneFile && fileName !== undefined ? `${own}/${fileName}` : own
}
