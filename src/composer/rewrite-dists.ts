import { isDistType } from './dist-types.ts'
import { readRecorded } from './document.ts'
import { isJsonObject, type JsonObject } from './minify.ts'
import { distTemplate } from './mirror-tokens.ts'
import type { PackageName } from './names.ts'
import { writeDocument } from './write-document.ts'

/**
 * A document whose archives are all at this proxy, whether it will have them or not: `dist.url` is
 * ours, and `dist.mirrors` is left out. All else stays, also where the sources are.
 *
 * Our URL is a template that Composer fills in with what it installs: `dev-main#<commit>` asks for that
 * commit and isn't given the branch's archive under a wrong name. It is also the same for all versions,
 * so a minified document says it once. Where a SHA-1 is named, the URL asks for these very bytes: upstream may
 * pack a version anew, and this document may be of before.
 *
 * @param bytes of a recorded document.
 * @param publicUrl how clients reach this proxy, without a trailing slash.
 */
export function rewriteDists(bytes: Buffer, packageName: PackageName, publicUrl: string): Buffer {
  const document = readRecorded(bytes, packageName)
  const rewritten = createRewrite(publicUrl)
  const written = document.versions.map((version) => {
    return isJsonObject(version['dist'])
      ? { ...version, dist: rewritten(version['dist']) }
      : version
  })
  return writeDocument(document, packageName, [...written.entries()])
}

/** What versions share is rewritten once, and shared again. */
function createRewrite(publicUrl: string): (dist: JsonObject) => JsonObject {
  const known = new Map<JsonObject, JsonObject>()
  return (dist) => {
    const before = known.get(dist)
    if (before !== undefined) return before
    const { mirrors: _, ...kept } = dist
    const rewritten = { ...kept, url: ownUrl(dist, publicUrl) }
    known.set(dist, rewritten)
    return rewritten
  }
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
