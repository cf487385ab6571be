import assert from 'node:assert/strict'
import { isDistType } from './dist-types.ts'
import { parseDocument } from './document.ts'
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
 * so a minified document says it once.
 *
 * @param bytes of a document that `parseDocument` accepts: others are never recorded.
 * @param publicUrl how clients reach this proxy, without a trailing slash.
 */
export function rewriteDists(bytes: Buffer, packageName: PackageName, publicUrl: string): Buffer {
  const parsed = parseDocument(bytes, packageName)
  assert(parsed.ok, 'a recorded document can be read')
  const written = parsed.document.versions.map((version) => rewritten(version, publicUrl))
  return writeDocument(parsed.document, packageName, [...written.entries()])
}

function rewritten(version: JsonObject, publicUrl: string): JsonObject {
  const { dist } = version
  if (!isJsonObject(dist)) return version
  const { mirrors: _, ...kept } = dist
  return { ...version, dist: { ...kept, url: ownUrl(dist, publicUrl) } }
}

/**
 * The type is written out: PHP opens a phar by the end of its name, which Composer takes from here. So
 * it does with the whole name of what is one file.
 */
function ownUrl({ type, url }: JsonObject, publicUrl: string): string {
  const template = distTemplate(publicUrl)
  if (typeof type !== 'string' || !isDistType(type)) return template
  const own = template.replace('%type%', type)
  const [, fileName] = /^[^?#]+\/([\w.~+-]+)(?:[?#]|$)/.exec(String(url)) ?? []
  const isOneFile = type === 'file' || type === 'gzip'
  return isOneFile && fileName !== undefined ? `${own}/${fileName}` : own
}
