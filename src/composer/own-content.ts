import { unreadableText } from './json.ts'
import { isJsonObject, type JsonObject } from './minify.ts'
import { loweredAsPhpDoes, type PackageName } from './names.ts'
import { composer1DefaultBranch, normalizeVersion } from './versions.ts'

/** What a document is looked through for. */
export interface About {
  readonly packageName: PackageName
  /** Whether PHP can read a part of it: one that it can't costs Composer the whole document. */
  readonly isReadable: (part: unknown) => boolean
}

/** A part of a document that is given to nobody. */
export interface LeftOut {
  /** The version as it calls itself, or the package that a whole list is of. */
  readonly version: unknown
  /** A clause without upstream's words in it. */
  readonly problem: string
}

/**
 * Why a version is never given to anybody, whenever it was recorded. Composer goes by the name that a version
 * has and not by the document it is in: one of another package would be installed in the place of a private, a
 * blocked or a frozen one. A version without any name can't take a place: Composer refuses it. One that is compared
 * by another version than it is locked by would be installed though that version is blocked.
 *
 * @param sent the version, with the key that it was sent under, if it was.
 */
export function whyNeverServed(
  sent: readonly [key: string | undefined, version: JsonObject],
  { packageName, isReadable }: About,
): string | undefined {
  if (!isReadable(sent)) return unreadableText
  const { name = null } = sent[1]
  if (name !== null && !isNameOf(packageName, name)) return 'name: of another package'
  return problemOfNormalized(sent[1])
}

/** All of 237,366 real versions say what Composer makes of `version`, or what is read as if it weren't there. */
function problemOfNormalized(sent: JsonObject): string | undefined {
  const { version = null, version_normalized: normalized = null } = sent
  // Composer turns a number into text that depends on PHP's version.
  if (version !== null && typeof version !== 'string') return 'version: no text'
  if (normalized === null || normalized === composer1DefaultBranch) return undefined
  const isTrue = version !== null && normalizeVersion(version) === normalized
  return isTrue ? undefined : 'version_normalized: of another version'
}

/** Whether Composer reads a name as this one: it lowers A to Z and nothing else. */
function isNameOf(packageName: PackageName, name: unknown): boolean {
  return (
    typeof name === 'string' &&
    name.length === packageName.length &&
    loweredAsPhpDoes(name) === packageName
  )
}

/**
 * What a document says beside its versions, about its own package only: Composer passes over lists of versions
 * of other packages, and believes entries of filter lists about them. What PHP can't read is left out as well.
 */
export function withoutOthers(
  sent: JsonObject,
  { packageName, isReadable }: About,
): { readonly top: JsonObject; readonly others: readonly LeftOut[] } {
  const { top, unreadable } = withoutUnreadable(sent, isReadable)
  const packages = withoutOtherPackages(top['packages'], packageName)
  const filter = withoutOtherEntries(top['filter'], packageName)
  const others = [...unreadable, ...packages.others, ...filter.others]
  if (others.length === 0) return { top, others }
  const filtered = top['filter'] === undefined ? {} : { filter: filter.own }
  return { top: { ...top, packages: packages.own, ...filtered }, others }
}

/** Versions are looked at one by one. */
function withoutUnreadable(
  sent: JsonObject,
  isReadable: About['isReadable'],
): { readonly top: JsonObject; readonly unreadable: readonly LeftOut[] } {
  const isKept = ([key, value]: readonly [string, unknown]) =>
    key === 'packages' || isReadable([key, value])
  const entries = Object.entries(sent)
  const unreadable = entries
    .filter((entry) => !isKept(entry))
    .map(([version]) => {
      return { version, problem: unreadableText }
    })
  return unreadable.length === 0
    ? { top: sent, unreadable }
    : { top: Object.fromEntries(entries.filter(isKept)), unreadable }
}

interface Own {
  readonly own: unknown
  readonly others: readonly LeftOut[]
}

function withoutOtherPackages(packages: unknown, packageName: PackageName): Own {
  if (!isJsonObject(packages)) return { own: packages, others: [] }
  const names = Object.keys(packages).filter((name) => name !== packageName)
  return {
    own: { [packageName]: packages[packageName] },
    others: names.map((version) => ({ version, problem: 'packages: of another package' })),
  }
}

/** An entry that names no package is about the one that the document is of. */
function withoutOtherEntries(filter: unknown, packageName: PackageName): Own {
  if (!isJsonObject(filter)) return { own: filter, others: [] }
  const others: LeftOut[] = []
  const isOwn = (entry: unknown): boolean => {
    const named = isJsonObject(entry) ? (entry['package'] ?? null) : null
    if (named === null || isNameOf(packageName, named)) return true
    others.push({ version: named, problem: 'filter: of another package' })
    return false
  }
  const own = Object.fromEntries(
    Object.entries(filter).map(([list, entries]) => [list, entriesThat(isOwn, entries)]),
  )
  return { own, others }
}

/** Entries are a list, or an object of which the values are entries. */
function entriesThat(isOwn: (entry: unknown) => boolean, entries: unknown): unknown {
  if (Array.isArray(entries)) return entries.filter(isOwn)
  if (!isJsonObject(entries)) return entries
  return Object.fromEntries(Object.entries(entries).filter(([, entry]) => isOwn(entry)))
}
