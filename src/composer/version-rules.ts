import { LRUCache } from 'lru-cache'
import { type Constraint, everyVersion, parseConstraint, satisfies } from './constraints.ts'
import { isAllOwn, namedVersion, normalizedVersion, readRecorded } from './document.ts'
import { digestOfFilter, digestOfLists, entryOf, type FilterLists } from './document-filter.ts'
import { malwareList } from './list-names.ts'
import { sentConstraint } from './listed-constraints.ts'
import type { JsonObject } from './minify.ts'
import type { PackageName } from './names.ts'
import { writeDocument } from './write-document.ts'

/** Versions of a package that may not be served. */
export interface VersionRule {
  /** Upstream's list, or the operator's own. */
  readonly list: 'malware' | 'own'
  readonly constraint: string
  readonly reason: string | null
  /** What upstream's list says beside. */
  readonly url?: string | null
  readonly id?: string | null
  readonly source?: string | null
}

/** What a document is ruled by. */
export interface Ruled {
  readonly packageName: PackageName
  readonly rules: readonly VersionRule[]
  /** What its `filter` says beside the rules; undefined: it has none that counts. */
  readonly otherLists: FilterLists | undefined
}

const constraintsMax = 1_000
/** Characters of all of them; a parsed one takes up to two hundred bytes for each. */
const constraintsLengthMax = 500_000
/** A list of malware may name hundreds of versions of a package in one constraint. */
const constraints = new LRUCache<string, Constraint>({
  max: constraintsMax,
  maxSize: constraintsLengthMax,
  sizeCalculation: (_, text) => text.length + 1,
})

/** A version that may not be served, and the rule by which it may not. */
export interface Blocked {
  readonly version: string
  readonly rule: VersionRule
}

/**
 * Comparisons of all versions with a rule; each takes up to 0.4 µs. The largest of 2,313 real documents has 1,258 versions,
 * and lists of malware name versions one by one, which is no comparison.
 */
const comparisonsMax = 5_000_000
/** The same for an archive, whose versions are compared between other requests: it is seldom of more than one. */
const comparisonsOfArchiveMax = 100_000

/** The first version of an archive that it may not be served for; undefined: it may. @param versions normalized. */
export function blockedAmong(
  versions: readonly string[],
  rules: readonly VersionRule[],
): Blocked | undefined {
  const distinct = [...new Set(versions)]
  const ruleAgainst = createCheck(rules, comparisonsOfArchiveMax / distinct.length)
  for (const version of distinct) {
    const rule = ruleAgainst(version)
    if (rule !== undefined) return { version, rule }
  }
  return undefined
}

/**
 * Finds the rule that a version may not be served by. A rule that takes more comparisons keeps out every version: what it
 * was meant to keep out must not get in.
 */
function createCheck(
  rules: readonly VersionRule[],
  comparisonsPerVersionMax: number,
): (versionNormalized: string) => VersionRule | undefined {
  const read = rules.map((rule) => {
    const constraint = readConstraint(rule.constraint)
    const isCheap = constraint.comparisonsCount <= comparisonsPerVersionMax
    return { rule, constraint: isCheap ? constraint : everyVersion }
  })
  return (version) => read.find(({ constraint }) => satisfies(version, constraint))?.rule
}

/** Whether a constraint keeps a version, normalized, out of documents of so many versions. */
export function createHits(
  constraint: string,
  versionsCount: number,
): (versionNormalized: string) => boolean {
  const rule = { list: 'own', constraint, reason: null } as const
  const ruleAgainst = createCheck([rule], comparisonsMax / Math.max(1, versionsCount))
  return (version) => ruleAgainst(version) !== undefined
}

/** A rule that can't be read keeps out every version: it was recorded by a release that could read it. */
function readConstraint(text: string): Constraint {
  const known = constraints.get(text)
  if (known !== undefined) return known
  const constraint = parseConstraint(text) ?? everyVersion
  constraints.set(text, constraint)
  return constraint
}

export function explainRule({ list, reason }: VersionRule): string {
  if (list === 'malware') return 'malware, as upstream says'
  return reason === null ? 'blocked by the operator' : `blocked by the operator: ${reason}`
}

/** What a document's `filter` says, so that Composer refuses what a lock names and may not be installed. */
export function listsOf(rules: readonly VersionRule[], otherLists: FilterLists): FilterLists {
  const entries = rules.map((rule) =>
    entryOf({ ...rule, constraint: sentConstraint(rule.constraint) }),
  )
  return entries.length === 0 ? otherLists : { ...otherLists, [malwareList]: entries }
}

/**
 * A document without the versions that may not be served, with a `warning` in their place, which Composer prints, and
 * with the rules as its `filter`. When it has all of that already, the very bytes passed in.
 *
 * @param bytes of a recorded document.
 */
export function withRules(bytes: Buffer, { packageName, rules, otherLists }: Ruled): Buffer {
  const document = readRecorded(bytes, packageName)
  const blocked = new Map<JsonObject, VersionRule>()
  const ruleAgainst = createCheck(rules, comparisonsMax / document.versions.length)
  for (const version of document.versions) {
    const rule = ruleAgainst(normalizedVersion(version) ?? '')
    if (rule !== undefined) blocked.set(version, rule)
  }
  const sent = document.top
  const filtered =
    otherLists === undefined ? sent : withFilter(sent, packageName, listsOf(rules, otherLists))
  if (blocked.size === 0 && filtered === sent && isAllOwn(document)) return bytes
  const warning = blocked.size === 0 ? {} : { warning: warningOf(packageName, blocked) }
  const kept = [...document.versions.entries()].filter(([, version]) => !blocked.has(version))
  return writeDocument({ ...document, top: { ...filtered, ...warning } }, packageName, kept)
}

/** The very object when Composer reads the same out of it. */
function withFilter(top: JsonObject, packageName: PackageName, lists: FilterLists): JsonObject {
  const { filter: sent, ...others } = top
  if (digestOfFilter(sent, packageName) === digestOfLists(lists)) return top
  return Object.keys(lists).length === 0 ? others : { ...top, filter: lists }
}

const versionsNamedMax = 5

function warningOf(
  packageName: PackageName,
  blocked: ReadonlyMap<JsonObject, VersionRule>,
): string {
  const namesByReason = new Map<string, string[]>()
  for (const [version, rule] of blocked) {
    const reason = explainRule(rule)
    const names = namesByReason.get(reason) ?? []
    names.push(namedVersion(version)?.version ?? '')
    namesByReason.set(reason, names)
  }
  const parts = [...namesByReason].map(([reason, names]) => `${listed(names)} (${reason})`)
  return `Almanac: these versions of ${packageName} are not offered: ${parts.join('; ')}`
}

function listed(names: readonly string[]): string {
  const named = names.slice(0, versionsNamedMax).join(', ')
  const others = names.length - versionsNamedMax
  return others > 0 ? `${named} and ${others} more` : named
}
