import { z } from 'zod'
import { isLinkConstraint } from './constraints.ts'
import { notJson, readJson } from './json.ts'
import { isJsonObject, type JsonObject } from './minify.ts'
import type { PackageName } from './names.ts'

export type ComposerJson =
  | { readonly ok: true; readonly json: JsonObject }
  /** A clause that says what to do. */
  | { readonly ok: false; readonly problem: string }

/**
 * A document nests a version three levels deeper, and has 64. Of its values it has 250,000 for all versions: one with
 * 67 requirements and all else there is takes about 300.
 */
const limits = { depthMax: 60, valuesMax: 20_000 }

/** Reads a composer.json as PHP does, which takes no broken UTF-8 and no byte order mark. */
export function parseComposerJson(bytes: Buffer): ComposerJson {
  const json = readJson(bytes, limits)
  if (json.ok && isJsonObject(json.value)) return { ok: true, json: json.value }
  const isTooMuch = !json.ok && json.problem !== notJson
  const problem = isTooMuch ? `it must not be ${json.problem}` : undefined
  return refused(problem ?? 'it must be a JSON object, in UTF-8 without a mark')
}

function refused(problem: string): ComposerJson {
  return { ok: false, problem }
}

/**
 * What of a composer.json a repository tells about a version, in Packagist's order. What stands between
 * them there is not the author's to say: see published-version.ts.
 */
export const toldKeys = [
  'name',
  'description',
  'keywords',
  'homepage',
  'license',
  'authors',
  'type',
  'support',
  'php-ext',
  'funding',
  'time',
  'autoload',
  'extra',
  'target-dir',
  'include-path',
  'bin',
  'require',
  'require-dev',
  'suggest',
  'conflict',
  'provide',
  'replace',
  'abandoned',
] as const

/**
 * Why Composer couldn't load what this composer.json says, or would refuse it as a dependency: undefined
 * when it takes it. One such version would cost its package all others.
 *
 * A clause that says what to do; of the author's words it has the names of fields.
 */
export function problemOfComposerJson(
  json: JsonObject,
  packageName: PackageName,
): string | undefined {
  for (const key of toldKeys) {
    const problem = problemOfValue(json[key], key)
    if (problem !== undefined) return problem
    if (json[key] === unset)
      return `\`${key}\` must not be ${unset}, which means that it is left out`
  }
  const parsed = Told.safeParse(json)
  if (!parsed.success) {
    const { path, message } = deepest(parsed.error.issues)
    return `\`${shown(path)}\` ${message}`
  }
  return problemOfLinks(parsed.data, packageName)
}

/** In minified documents it stands for a key that is left out. */
const unset = '__unset'

/** What no value may have, however deep: it would be lost, or cost the document, or fool a terminal. */
function problemOfValue(value: unknown, path: string): string | undefined {
  if (typeof value === 'string') return problemOfText(value, path)
  if (typeof value === 'number' && !Number.isFinite(value))
    return `\`${path}\` is too large a number`
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, inner] of Object.entries(value)) {
    if (key === '__proto__' || /[\p{Cc}\p{Cs}]/u.test(key)) {
      return `\`${path}\` must not have a key with control characters or of the name __proto__`
    }
    const problem = problemOfValue(inner, `${path}.${key}`.slice(0, pathLengthMax))
    if (problem !== undefined) return problem
  }
  return undefined
}

const pathLengthMax = 120

function problemOfText(text: string, path: string): string | undefined {
  // Lines and tabs are fine in a description.
  if (/[^\P{Cc}\t\n\r]/u.test(text)) return `\`${path}\` must not have control characters`
  return /\p{Cs}/u.test(text) ? `\`${path}\` has half a character; write it whole` : undefined
}

type Issues = readonly z.core.$ZodIssue[]

/** Of a union's alternatives the first is what was meant: what is wrong inside of it says more. */
function deepest([issue]: Issues): {
  readonly path: readonly PropertyKey[]
  readonly message: string
} {
  if (issue === undefined) return { path: [], message: 'is not valid' }
  const { path, message } = issue
  const [meant = []] = issue.code === 'invalid_union' ? issue.errors : []
  const inner = meant.filter((each) => each.path.length > 0)
  if (inner.length === 0) return { path, message }
  const deeper = deepest(inner)
  return { ...deeper, path: [...path, ...deeper.path] }
}

function shown(path: readonly PropertyKey[]): string {
  return path.map(String).join('.').slice(0, pathLengthMax)
}

// From here on: what Composer's ArrayLoader throws at, and its ValidatingArrayLoader calls an error.
const text = z.string('must be text')
const texts = z.array(text, 'must be a list of texts')
const textOrTexts = z.union([texts, text], 'must be a text or a list of texts')
const nothing = z.array(z.never())

/** PHP doesn't tell an empty list from an object without keys. */
function map<Value extends z.ZodType>(value: Value, message = 'must be an object') {
  return z.union([z.record(z.string(), value), nothing], message)
}

function insideOf(path: string): boolean {
  return path !== '' && !path.includes('\\') && !path.split('/').includes('..')
}

const inside = text
  .refine(insideOf, 'must be a path inside of the package')
  .refine((path) => !/^[a-z]:/i.test(path), 'must be a path inside of the package')
const constraint = text.refine(isLinkConstraint, 'must be a constraint that Composer can read')
const links = map(constraint, 'must be an object of names and constraints')
const directories = map(textOrTexts, 'must be an object of namespaces and directories')
const autoload = z.strictObject(
  {
    'psr-0': directories.nullish(),
    'psr-4': directories
      .refine(
        (namespaces) => Object.keys(namespaces).every((name) => name === '' || name.endsWith('\\')),
        'must have namespaces that end with a backslash',
      )
      .nullish(),
    classmap: texts.nullish(),
    files: texts.nullish(),
    'exclude-from-classmap': texts.nullish(),
  },
  'must be an object of psr-4, psr-0, classmap, files and exclude-from-classmap',
)
const branchAlias = map(
  text.endsWith('-dev', 'must end in -dev'),
  'must be an object of branches and versions that end in -dev',
)
const person = z.looseObject(
  {
    name: text.nullish(),
    email: text.nullish(),
    homepage: text.nullish(),
    role: text.nullish(),
  },
  'must be an object',
)

const Told = z.looseObject({
  description: text.nullish(),
  keywords: z
    .array(z.union([text, z.number()], 'must be text'), 'must be a list of texts')
    .nullish(),
  homepage: text.nullish(),
  license: textOrTexts.nullish(),
  authors: z.array(person, 'must be a list of objects').nullish(),
  type: text.regex(/^[A-Za-z0-9-]+$/, 'must have letters, digits and hyphens only').nullish(),
  support: map(text, 'must be an object of texts').nullish(),
  'php-ext': map(z.unknown()).nullish(),
  funding: z
    .array(
      z.looseObject({ type: text.nullish(), url: text.nullish() }, 'must be an object'),
      'must be a list of objects',
    )
    .nullish(),
  time: text.nullish(),
  autoload: z.union([autoload, nothing], 'must be an object').nullish(),
  extra: z
    .union([z.looseObject({ 'branch-alias': branchAlias.nullish() }), nothing], 'must be an object')
    .nullish(),
  'target-dir': inside.nullish(),
  'include-path': texts.nullish(),
  bin: z
    .union([z.array(inside), inside], 'must be a path inside of the package, or a list of them')
    .nullish(),
  require: links.nullish(),
  'require-dev': links.nullish(),
  suggest: map(text, 'must be an object of texts').nullish(),
  conflict: links.nullish(),
  provide: links.nullish(),
  replace: links.nullish(),
  abandoned: z.union([z.boolean(), text], 'must be true, or the package to use instead').nullish(),
})
type Told = z.infer<typeof Told>

const linkTypes = ['require', 'require-dev', 'conflict', 'provide', 'replace'] as const

function problemOfLinks(told: Told, packageName: PackageName): string | undefined {
  for (const type of linkTypes) {
    const names = Object.keys(told[type] ?? {})
    if (!names.every((name) => /^[A-Za-z0-9_./-]{1,200}$/.test(name))) {
      return `\`${type}\` must have names of packages only, of letters, digits and . _ - /`
    }
    if (names.some((name) => name.toLowerCase() === packageName)) {
      return `\`${type}\` must not name the package itself`
    }
  }
  const replaced = Object.keys(told.replace ?? {})
  if (Object.keys(told.conflict ?? {}).some((name) => replaced.includes(name))) {
    return '`conflict` must not name what `replace` names'
  }
  return told['target-dir'] && usesPsr4(told)
    ? '`target-dir` must go where `psr-4` is used'
    : undefined
}

function usesPsr4({ autoload: loaded }: Told): boolean {
  if (!loaded || !('psr-4' in loaded)) return false
  return Object.keys(loaded['psr-4'] ?? {}).length > 0
}
