import { mayStandForVendor, namesVendor, plainWords } from './plain-words.ts'
import type { ReservedNames } from '../reserved.ts'

/** Of one parameter: what may be passed on of its value; undefined: it isn't understood. */
type Read = (value: string) => string | undefined

interface Parameter {
  /** As it is passed on: those in brackets may come several times. */
  readonly name: string
  readonly read: Read
}

const wordsOf: Read = (value) => plainWords(value)
const typeOf: Read = ofForm(/^[A-Za-z0-9_.-]{1,100}$/)
const countOf: Read = ofForm(/^[1-9]\d{0,5}$/)
const globOf: Read = ofForm(/^[A-Za-z0-9*_./-]{1,200}$/)
/** The three that Packagist has. */
const fieldOf: Read = ofForm(/^(?:repository|type|abandoned)$/)

function ofForm(form: RegExp): Read {
  return (value) => (form.test(value) ? value : undefined)
}

/** What Packagist, and Composer, know of each question. */
const parameters = {
  search: [
    { name: 'q', read: wordsOf },
    { name: 'type', read: typeOf },
    { name: 'tags[]', read: wordsOf },
    { name: 'page', read: countOf },
    { name: 'per_page', read: countOf },
  ],
  list: [
    { name: 'vendor', read: globOf },
    { name: 'type', read: typeOf },
    { name: 'filter', read: globOf },
    { name: 'fields[]', read: fieldOf },
  ],
} as const satisfies Readonly<Record<string, readonly Parameter[]>>

const repeatsMax = 20

/**
 * A question as it may be put to upstream: known parameters only, written anew from what was understood of them.
 * undefined: it isn't to be put, since it names a reserved vendor, or is written so that nobody can tell. Our own
 * packages answer it then.
 */
export function questionForUpstream(
  endpoint: keyof typeof parameters,
  query: URLSearchParams,
  { patterns }: Pick<ReservedNames, 'patterns'>,
): URLSearchParams | undefined {
  const question = new URLSearchParams()
  for (const parameter of parameters[endpoint]) {
    for (const sent of valuesOf(query, parameter.name)) {
      const value = parameter.read(sent)
      if (value === undefined || value === '' || isAbout(value, patterns)) return undefined
      question.append(parameter.name, value)
    }
    const repeats = question.getAll(parameter.name).length
    if (repeats > (isList(parameter.name) ? repeatsMax : 1)) return undefined
  }
  return question
}

function isAbout(value: string, patterns: readonly string[]): boolean {
  return namesVendor(value, patterns) || mayStandForVendor(value, patterns)
}

/** Those that say something. A list's are sent with the brackets, without, or with numbers in them. */
function valuesOf(query: URLSearchParams, name: string): readonly string[] {
  const isIt = (key: string) => (isList(name) ? withoutIndex(key) === name : key === name)
  return [...query].flatMap(([key, value]) => (isIt(key) && value !== '' ? [value] : []))
}

function isList(name: string): boolean {
  return name.endsWith('[]')
}

function withoutIndex(key: string): string {
  return key.replace(/(?:\[\d{0,3}\])?$/, '[]')
}
