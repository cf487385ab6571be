import { LRUCache } from 'lru-cache'
import { type Constraint, parseConstraint, satisfies } from './constraints.ts'
import { namedVersion, normalizedVersion, readRecorded } from './document.ts'
import { filterVersions } from './filter-versions.ts'
import type { JsonObject } from './minify.ts'
import type { PackageName } from './names.ts'

/** Versions of a package that may not be served. */
export interface VersionRule {
  /** Upstream's list, or the operator's own. */
  readonly list: 'malware' | 'own'
  readonly constraint: string
  readonly reason: string | null
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

/** The rule that a version may not be served by; undefined: it may. @param version normalized. */
export function ruleAgainst(
  version: string,
  rules: readonly VersionRule[],
): VersionRule | undefined {
  return rules.find(({ constraint }) => satisfies(version, read(constraint)))
}

/** One alternative without comparisons: every version. */
const everyVersion: Constraint = [[]]

/** A rule that can't be read keeps out every version: it was recorded by a release that could read it. */
function read(text: string): Constraint {
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

/**
 * A document without the versions that may not be served, and with a `warning` in their place, which
 * Composer prints. When there are none, the very bytes passed in.
 *
 * @param bytes of a recorded document.
 */
export function withoutBlocked(
  bytes: Buffer,
  packageName: PackageName,
  rules: readonly VersionRule[],
): Buffer {
  const document = readRecorded(bytes, packageName)
  const blocked = new Map<JsonObject, VersionRule>()
  for (const version of document.versions) {
    const rule = ruleAgainst(normalizedVersion(version) ?? '', rules)
    if (rule !== undefined) blocked.set(version, rule)
  }
  const top = { ...document.top, warning: warningOf(packageName, blocked) }
  const isServed = (version: JsonObject): boolean => !blocked.has(version)
  return filterVersions({ ...document, top }, packageName, isServed) ?? bytes
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
