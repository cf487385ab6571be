import type { z } from 'zod'
import { problemOfBranchAlias } from './branch-alias.ts'
import { isLinkConstraint } from './constraints.ts'
import { loadedFields } from './loaded-fields.ts'
import { isJsonObject, type JsonObject } from './minify.ts'
import { loweredAsPhpDoes } from './names.ts'
import { namingFields } from './naming-fields.ts'
import { hasNumberedKey, isPhpArray, isPhpEmpty } from './php-values.ts'
import { normalizeVersion } from './versions.ts'

const linkTypes = ['require', 'require-dev', 'conflict', 'provide', 'replace'] as const

/**
 * Why Composer couldn't load these (expanded) versions, or shouldn't be given them, by version; those that can be served
 * are left out. One such version costs Composer the whole document.
 *
 * What a version shares with the one before it is checked once and not once a version.
 */
export function problemsOfVersions(
  versions: readonly JsonObject[],
): ReadonlyMap<JsonObject, string> {
  const checks = [
    ...Object.entries(namingFields).map(([key, schema]) =>
      createCheck(key, (value) => problemOfValue(value, schema)),
    ),
    ...Object.entries(loadedFields).map(([key, problemOf]) => createCheck(key, problemOf)),
    ...linkTypes.map((key) => createLinksCheck(key)),
    problemOfName,
    problemOfTargetDirectory,
    problemOfPerforce,
    problemOfBranchAlias,
  ]
  const problems = new Map<JsonObject, string>()
  for (const version of versions) {
    const problem = firstProblem(version, checks)
    if (problem !== undefined) problems.set(version, problem)
  }
  return problems
}

/** The same of one version. */
export function problemOfVersion(version: JsonObject): string | undefined {
  return problemsOfVersions([version]).get(version)
}

type Check = (version: JsonObject) => string | undefined

/** Remembers what it found of the last value, which the next version shares unless it says otherwise. */
function createCheck(key: string, problemOf: (value: unknown) => string | undefined): Check {
  let last: { readonly value: unknown; readonly problem: string | undefined } | undefined
  return (version) => {
    const value = version[key]
    if (last === undefined || last.value !== value) {
      const problem = problemOf(value)
      last = { value, problem: problem === undefined ? undefined : `${key}${problem}` }
    }
    return last.problem
  }
}

function problemOfValue(value: unknown, schema: z.ZodType): string | undefined {
  const [issue] = schema.safeParse(value).error?.issues ?? []
  return issue && `${['', ...issue.path].join('.')}: ${issue.message}`
}

function firstProblem(version: JsonObject, checks: readonly Check[]): string | undefined {
  for (const check of checks) {
    const problem = check(version)
    if (problem !== undefined) return problem
  }
  return undefined
}

function problemOfName({ version }: JsonObject): string | undefined {
  return normalizeVersion(String(version)) !== undefined
    ? undefined
    : 'version: not a version that Composer knows'
}

/** Remembers the last links, as `createCheck` does. */
function createLinksCheck(key: string): Check {
  let last: { readonly value: unknown; readonly name: unknown; readonly links: Links } | undefined
  return (version) => {
    const { name, [key]: value } = version
    if (last === undefined || last.value !== value || last.name !== name) {
      last = { value, name, links: readLinks(value, name) }
    }
    const { problem, nameVersion } = last.links
    if (problem !== undefined) return `${key}${problem}`
    if (!nameVersion || isLinkConstraint(String(version['version']))) return undefined
    return `${key}: self.version, which is not a constraint`
  }
}

interface Links {
  /** What follows the name of the field. */
  readonly problem?: string
  /** Whether there is a `self.version` among them. */
  readonly nameVersion?: boolean
}

function isConstraint(value: unknown): boolean {
  return typeof value === 'string' && isLinkConstraint(value)
}

/** A link to the package itself is passed over, whatever it says. */
function readLinks(links: unknown, name: unknown): Links {
  if (links === undefined || links === null) return {}
  if (!isPhpArray(links)) return { problem: ': neither a list nor an object' }
  if (hasNumberedKey(links)) return { problem: ': a number in place of a name' }
  const own = typeof name === 'string' ? loweredAsPhpDoes(name) : undefined
  let nameVersion = false
  for (const target of Object.keys(links)) {
    if (loweredAsPhpDoes(target) === own) continue
    const constraint: unknown = Reflect.get(links, target)
    if (!isConstraint(constraint)) return { problem: `.${target}: not a constraint` }
    nameVersion ||= constraint === 'self.version'
  }
  return { nameVersion }
}

function problemOfTargetDirectory({ autoload, 'target-dir': directory }: JsonObject) {
  if (typeof directory !== 'string' || !isJsonObject(autoload)) return undefined
  return isPhpEmpty(autoload['psr-4']) ? undefined : 'target-dir: not together with psr-4'
}

/** What runs a program by its address: see Composer's Perforce::isValidPort. */
const perforcePort =
  /^(?:(?:tcp|ssl)(?:4|6|46|64)?:)?(?:\[[0-9a-f:.]+\]|[a-z0-9._][a-z0-9._-]*)(?::[a-z0-9._][a-z0-9._-]*)?$/i

function problemOfPerforce({ source }: JsonObject): string | undefined {
  if (!isJsonObject(source) || source['type'] !== 'perforce') return undefined
  const url = String(source['url'])
  const isPort = perforcePort.test(url) && !/^(?:rsh|jsh)\s*:/i.test(url)
  return isPort ? undefined : 'source.url: not a Perforce port; Composer 2.8 to 2.11 throw at it'
}
