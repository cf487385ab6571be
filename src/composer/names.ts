import { z } from 'zod'

const nameLengthMax = 200

// One separator between runs of letters and digits, and two only as "--" in the second half. Each
// character can be read in one way only, so matching is linear: the pattern of Composer's own
// messages nests quantifiers and takes seconds in V8 for 30 characters.
const vendorName = '[a-z0-9]+(?:[_.-][a-z0-9]+)*'
const name = String.raw`${vendorName}\/[a-z0-9]+(?:(?:[_.]|-{1,2})[a-z0-9]+)*`

/** What `name` says, for whoever has written something else. */
export const packageNameRule =
  'must be the name of a package, like acme/log: in both halves lower-case letters and digits, with one ".", "_" or "-" ' +
  'between them at a time (in the second half also "--")'

/** `vendor/name`, lower case. Holds no `~`, no `..`, and no character that means anything in a URL. */
export const PackageName = z
  .string()
  .max(nameLengthMax, { abort: true })
  .regex(new RegExp(`^${name}$`), packageNameRule)
  .brand('PackageName')
export type PackageName = z.infer<typeof PackageName>

const branchesSuffix = '~dev'

/**
 * One metadata file of upstream: `vendor/name` (its tags), `vendor/name~dev` (its branches), or one that
 * can't be mistaken for a package, since it has no vendor: `packages.json` (the root file) and
 * `filter-summary.json` (all its lists of malware, wherever the root file says that they are).
 */
export const DocumentName = z
  .string()
  .max(nameLengthMax + branchesSuffix.length, { abort: true })
  .regex(new RegExp(`^(?:packages\\.json|filter-summary\\.json|${name}(?:${branchesSuffix})?)$`))
  .brand('DocumentName')
export type DocumentName = z.infer<typeof DocumentName>

export const rootDocument: DocumentName = DocumentName.parse('packages.json')
export const filterSummary: DocumentName = DocumentName.parse('filter-summary.json')

/** In lower case as PHP's `strtolower` has it: A to Z, and no other letter (U+212A is no k). */
export function loweredAsPhpDoes(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/** Undefined for what can't be the name of a package: nothing has to be asked about it. */
export function parsePackageName(vendor: string, packageName: string): PackageName | undefined {
  return PackageName.safeParse(`${vendor}/${packageName}`).data
}

const vendorPattern = new RegExp(`^${vendorName}$`)

/** The vendor in front of the first slash; undefined for what no vendor can be called. */
export function vendorIn(text: string): string | undefined {
  const [inFront, rest] = text.slice(0, nameLengthMax).split('/', 2)
  return rest !== undefined && vendorPattern.test(inFront ?? '') ? inFront : undefined
}

/** `acme` of `acme/log`. */
export function vendorOf(packageName: PackageName): string {
  return packageName.slice(0, packageName.indexOf('/'))
}

export function documentName(packageName: PackageName, kind: 'tags' | 'branches'): DocumentName {
  return DocumentName.parse(kind === 'tags' ? packageName : `${packageName}${branchesSuffix}`)
}

/** The package that a document describes; undefined for what is of no package. */
export function packageOfDocument(
  document: DocumentName,
): { readonly packageName: PackageName; readonly kind: 'tags' | 'branches' } | undefined {
  if (document === rootDocument || document === filterSummary) return undefined
  return document.endsWith(branchesSuffix)
    ? {
        packageName: PackageName.parse(document.slice(0, -branchesSuffix.length)),
        kind: 'branches',
      }
    : { packageName: PackageName.parse(document), kind: 'tags' }
}

/** In a sentence: of a package by its name, which `~dev` is no part of. */
export function documentInWords(document: DocumentName): string {
  const about = packageOfDocument(document)
  return about?.kind === 'branches' ? `${about.packageName} (its branches)` : document
}

/** The only document of a package in which Composer looks for what is said of all its versions. */
export function isOfTags(document: DocumentName): boolean {
  return packageOfDocument(document)?.kind === 'tags'
}
