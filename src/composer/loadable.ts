import { z } from 'zod'
import { isLinkConstraint } from './constraints.ts'
import { isDistType } from './dist-types.ts'
import { isJsonObject, type JsonObject } from './minify.ts'
import { normalizeVersion, versionLengthMax } from './versions.ts'

// What a terminal or a command line could be fooled with: Composer hands references and URLs to git
// and prints versions, and old clients don't check them.
const plain = z
  .string()
  .max(versionLengthMax)
  .refine((text) => !/\p{Cc}/u.test(text), 'has control characters')
/** References and versions become parts of paths in caches. */
const segment = plain.refine((text) => !text.includes('..'), 'has two dots in a row')
const argument = segment.refine((text) => !text.startsWith('-'), 'looks like an option')
/** What git runs a program for (`ext::sh -c …`), and a host that ssh takes for an option. */
const command = /^[a-z0-9+.-]+::|:\/\/(?:[^/@]*@)?-/i
const address = z
  .string()
  .max(2000)
  .refine((text) => !/^-|\p{Cc}/u.test(text), 'looks like an option or has control characters')
  .refine((text) => !command.test(text), 'names a command to run')
const mirrorsAt = (url: typeof address) => {
  return z
    .array(z.unknown())
    .superRefine(firstBad(z.looseObject({ url })))
    .nullish()
}
/** Composer installs archives, and links directories, of the machine it runs on, too: nobody looks through those. */
const webAddress = address.refine((text) => /^https?:\/\//i.test(text), 'is not on the web')

const constraint = z.string().refine(isLinkConstraint, 'not a constraint')
const links = z
  .custom<JsonObject>(isJsonObject)
  .superRefine(firstBad(constraint))
  .or(z.array(z.unknown()).max(0))
  .optional()

/** What Composer's loader throws at, and so refuses the whole document for. */
const Loadable = z.object({
  name: plain,
  version: segment.min(1),
  version_normalized: segment.optional(),
  source: z
    .object({ type: plain, url: address, reference: argument, mirrors: mirrorsAt(address) })
    .nullish(),
  dist: z
    .object({
      type: plain.refine(isDistType, 'not a type of archives'),
      url: webAddress,
      reference: argument.nullish(),
      shasum: plain.nullish(),
      mirrors: mirrorsAt(webAddress),
    })
    .nullish(),
  require: links,
  'require-dev': links,
  conflict: links,
  provide: links,
  replace: links,
})

/** Stops at the first one: an issue for each of many thousands would take more memory than the document does. */
function firstBad(schema: z.ZodType) {
  return (values: object, context: z.RefinementCtx<object>): void => {
    for (const key of Object.keys(values)) {
      const [issue] = schema.safeParse(Reflect.get(values, key)).error?.issues ?? []
      if (issue === undefined) continue
      context.addIssue({ code: 'custom', path: [key, ...issue.path], message: issue.message })
      return
    }
  }
}

/**
 * Why Composer couldn't load these (expanded) versions, or shouldn't be given them, by version; those that can be served
 * are left out. One such version costs Composer the whole document.
 *
 * What a version shares with the one before it is checked once and not once a version.
 */
export function problemsOfVersions(
  versions: readonly JsonObject[],
): ReadonlyMap<JsonObject, string> {
  const checks = Object.entries(Loadable.shape).map(([key, schema]) => createCheck(key, schema))
  const problems = new Map<JsonObject, string>()
  for (const version of versions) {
    const problem = firstProblem(version, checks) ?? problemOfName(version)
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
function createCheck(key: string, schema: z.ZodType): Check {
  let last: { readonly value: unknown; readonly problem: string | undefined } | undefined
  return (version) => {
    const value = version[key]
    if (last === undefined || last.value !== value) {
      last = { value, problem: problemOfValue(key, value, schema) }
    }
    return last.problem
  }
}

function problemOfValue(key: string, value: unknown, schema: z.ZodType): string | undefined {
  const [issue] = schema.safeParse(value).error?.issues ?? []
  return issue && `${[key, ...issue.path].join('.')}: ${issue.message}`
}

function firstProblem(version: JsonObject, checks: readonly Check[]): string | undefined {
  for (const check of checks) {
    const problem = check(version)
    if (problem !== undefined) return problem
  }
  return undefined
}

function problemOfName({ version }: JsonObject) {
  return normalizeVersion(String(version)) !== undefined
    ? undefined
    : 'version: not a version that Composer knows'
}
