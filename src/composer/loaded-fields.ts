import { hasNumberedKey, isPhpArray, isPhpEmpty, membersOf } from './php-values.ts'
import { notAnArray, thrownAtBy } from './thrown-at.ts'

/** What follows the name of a field when Composer throws at its value; undefined: it doesn't. */
type ProblemOf = (value: unknown) => string | undefined

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

const isNothing = (value: unknown) => value === undefined || value === null

function textOrNothing(value: unknown): string | undefined {
  return isText(value) || isNothing(value) ? undefined : ': not a text'
}

function textUnlessEmpty(problem = 'not a text'): ProblemOf {
  return (value) => (isText(value) || isPhpEmpty(value) ? undefined : `: ${problem}`)
}

function array(problem = notAnArray): ProblemOf {
  return (value) => (isPhpArray(value) || isNothing(value) ? undefined : `: ${problem}`)
}

/** Of a list or an object; anything else is passed over. */
function eachOf(isTaken: (member: unknown) => boolean, problem: string): ProblemOf {
  return (value) =>
    !isPhpArray(value) || Object.values(value).every(isTaken) ? undefined : `: ${problem}`
}

/** The fields of a list or an object; anything else is passed over. */
function inside(fields: Readonly<Record<string, ProblemOf>>): ProblemOf {
  const entries = Object.entries(fields)
  return (value) => {
    if (!isPhpArray(value)) return undefined
    for (const [key, problemOf] of entries) {
      if (!Object.hasOwn(value, key)) continue
      const problem = problemOf(Reflect.get(value, key))
      if (problem !== undefined) return `.${key}${problem}`
    }
    return undefined
  }
}

/** What the first of them says. */
function allOf(...problemsOf: readonly ProblemOf[]): ProblemOf {
  return (value) => {
    for (const problemOf of problemsOf) {
      const problem = problemOf(value)
      if (problem !== undefined) return problem
    }
    return undefined
  }
}

const outside = /(?:^|[\\/])\.\.(?:[\\/]|$)/
const leaves = thrownAtBy('Composer 2.8 to 2.11', 'a path that leaves the package')

function problemOfBin(value: unknown): string | undefined {
  const paths = membersOf(value)
  if (!paths.every(isText)) return ': not a text, nor texts only'
  return paths.some((path) => outside.test(path)) ? `: ${leaves}` : undefined
}

// Of what else can be in a list, Composer makes text.
const isPrintable = (value: unknown) => !isPhpArray(value)
const arePrintable = (value: unknown) => membersOf(value).every(isPrintable)
const areTexts = (value: unknown) => membersOf(value).every(isText)

const directories = eachOf(arePrintable, 'directories that are no texts')
const files = eachOf(areTexts, 'files that are no texts')

function namespaces(problem: string): ProblemOf {
  return (value) => (isPhpArray(value) && hasNumberedKey(value) ? `: ${problem}` : undefined)
}

const isNamespace = (name: string) => name === '' || name.endsWith('\\')

function problemOfPsr4(value: unknown): string | undefined {
  if (!isPhpArray(value)) return isPhpEmpty(value) ? undefined : `: ${notAnArray}`
  return Object.keys(value).every(isNamespace)
    ? undefined
    : ': a namespace that does not end with a backslash'
}

const numbered = 'a number in place of a namespace'
const autoload = inside({
  'psr-4': allOf(directories, namespaces(numbered), problemOfPsr4),
  'psr-0': allOf(directories, namespaces(thrownAtBy('Composer 2.8 to 2.11', numbered))),
  classmap: directories,
  files,
  'exclude-from-classmap': files,
})

function problemOfExcludes(value: unknown): string | undefined {
  return isPhpArray(value) || isPhpEmpty(value) ? undefined : `: ${notAnArray}`
}

/** Each further field that can make Composer throw, while it loads, locks or installs a version. */
export const loadedFields: Readonly<Record<string, ProblemOf>> = {
  type: textOrNothing,
  'target-dir': textOrNothing,
  'installation-source': textOrNothing,
  bin: problemOfBin,
  suggest: eachOf(isText, 'not texts only'),
  autoload: allOf(array(), autoload),
  'autoload-dev': array(),
  'include-path': array(),
  'php-ext': array(thrownAtBy('Composer 2.8 to 2.11', notAnArray)),
  time: textUnlessEmpty(thrownAtBy('Composer 2.5 to 2.10', 'not a text')),
  'notification-url': textUnlessEmpty(),
  archive: inside({ name: textUnlessEmpty(), exclude: problemOfExcludes }),
  keywords: eachOf(isPrintable, 'not texts only'),
  support: array(thrownAtBy('Composer 2.5', notAnArray)),
}
