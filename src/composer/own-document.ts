import type { PackageName } from './names.ts'

/** A document of a package of our own, as one that has no versions of its kind. */
export function emptyDocument(packageName: PackageName, kind: 'tags' | 'branches'): Buffer {
  const advisories = kind === 'tags' ? { 'security-advisories': [] } : {}
  const document = { minified: 'composer/2.0', packages: { [packageName]: [] }, ...advisories }
  return Buffer.from(JSON.stringify(document))
}
