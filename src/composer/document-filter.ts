import { createHash } from 'node:crypto'
import { malwareList } from './list-names.ts'
import { isReadableConstraint } from './listed-constraints.ts'
import { isJsonObject } from './minify.ts'
import type { PackageName } from './names.ts'
import { printable } from './notices.ts'

/** Versions of a package that are on a list, and what is said about them. */
export interface FilterEntry {
  readonly constraint: string
  readonly url?: string
  readonly reason?: string
  readonly id?: string
  readonly source?: string
}

/** What the `filter` of a document says of its package, by the names of lists; none of them is empty. */
export type FilterLists = Readonly<Record<string, readonly FilterEntry[]>>

export interface ReadFilter {
  readonly lists: FilterLists
  /** Lists that have `*` in place of what can't be read. */
  readonly unreadable: readonly string[]
  /** Whether Composer reads the same out of what was sent. */
  readonly isAsSent: boolean
}

const details = ['url', 'reason', 'id', 'source'] as const
const listNameLengthMax = 200
const detailLengthMax = 2_000
const entriesMax = 1_000
/** Of the JSON of all lists of a package. */
const listsLengthMax = 100_000

const anyVersion: FilterEntry = { constraint: '*' }

/**
 * Reads the `filter` of a document. Composer passes over what is no entry. It breaks off, whatever it was asked, at a
 * constraint that it can't read and at a detail that is no text: such a detail is left out, and such a constraint
 * counts as `*`, since what it was meant to keep out must not get in. So does a list past a limit. A list whose name
 * can't be printed is left out.
 */
export function readFilter(filter: unknown, packageName: PackageName): ReadFilter {
  const sent = Object.entries(isJsonObject(filter) ? filter : {})
  const fit = sent.filter(([name]) => name.length <= listNameLengthMax && printable(name) === name)
  // Before any of them is read, which takes a microsecond a character.
  if (constraintsLength(fit) > listsLengthMax) return pastLimit(fit)
  const read = fit
    .map(([name, entries]) => ({ name, ...readList(entries, packageName) }))
    .filter(({ entries }) => entries.length > 0)
  const lists = Object.fromEntries(read.map(({ name, entries }) => [name, entries]))
  if (JSON.stringify(lists).length > listsLengthMax) return pastLimit(fit)
  return {
    lists,
    unreadable: read.flatMap(({ name, isReadable }) => (isReadable ? [] : [name])),
    isAsSent: fit.length === sent.length && read.every(({ isAsSent }) => isAsSent),
  }
}

type Sent = readonly (readonly [name: string, entries: unknown])[]

function constraintsLength(sent: Sent): number {
  const constraints = sent.flatMap(([, entries]) => entriesIn(entries))
  return constraints.reduce((sum, { constraint }) => {
    return sum + (typeof constraint === 'string' ? constraint.length : 0)
  }, 0)
}

function pastLimit(sent: Sent): ReadFilter {
  const there = sent.filter(([, entries]) => entriesIn(entries).length > 0)
  const unreadable = there.map(([name]) => name).filter((name) => name === malwareList)
  const any = Object.fromEntries(unreadable.map((name) => [name, [anyVersion]]))
  return { lists: any, unreadable, isAsSent: false }
}

interface Read {
  readonly isReadable: boolean
  readonly isAsSent: boolean
}

function readList(
  sent: unknown,
  packageName: PackageName,
): Read & { readonly entries: readonly FilterEntry[] } {
  const read = entriesIn(sent).map((entry) => readEntry(entry, packageName))
  if (read.length > entriesMax) return { entries: [anyVersion], isReadable: false, isAsSent: false }
  return {
    entries: read.map(({ entry }) => entry),
    isReadable: read.every(({ isReadable }) => isReadable),
    isAsSent: read.every(({ isAsSent }) => isAsSent),
  }
}

/** A list, or an object of which the values are entries. */
function entriesIn(sent: unknown): readonly Readonly<Record<string, unknown>>[] {
  const entries: readonly unknown[] = isJsonObject(sent) ? Object.values(sent) : asList(sent)
  return entries.filter(isJsonObject).filter((entry) => (entry['constraint'] ?? null) !== null)
}

function asList(sent: unknown): readonly unknown[] {
  return Array.isArray(sent) ? sent : []
}

function readEntry(
  sent: Readonly<Record<string, unknown>>,
  packageName: PackageName,
): Read & { readonly entry: FilterEntry } {
  const { constraint, package: named = null } = sent
  const isReadable = typeof constraint === 'string' && isReadableConstraint(constraint)
  const entry = entryOf({ ...sent, constraint: isReadable ? constraint : '*' })
  const isSame = details.every((key) => (sent[key] ?? undefined) === entry[key])
  const isNamed = named === null || named === packageName
  return { entry, isReadable, isAsSent: isReadable && isSame && isNamed }
}

/** With those details that are text. */
export function entryOf(sent: {
  readonly constraint: string
  readonly [key: string]: unknown
}): FilterEntry {
  const texts = details.flatMap((key) => {
    const text = sent[key]
    return typeof text === 'string' ? [[key, printable(text.slice(0, detailLengthMax))]] : []
  })
  return { constraint: sent.constraint, ...Object.fromEntries(texts) }
}

/** The same for lists of which Composer reads the same. */
export function digestOfLists(lists: FilterLists): string {
  const sorted = Object.entries(lists).toSorted(([one], [other]) => (one < other ? -1 : 1))
  if (sorted.length === 0) return 'none'
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex')
}

/** Of what Composer reads out of the `filter` of a document, as it was sent; of no lists, when it must not. */
export function digestOfFilter(filter: unknown, packageName: PackageName): string {
  const { lists, isAsSent } = readFilter(filter, packageName)
  return isAsSent ? digestOfLists(lists) : 'unfit'
}

/** Without these in the bytes of a document, it has no `filter`; with them it may have one. */
const signs = ['"filter"', String.raw`\u00`]

/** Finds out without parsing. */
export function mayHaveFilter(document: Buffer): boolean {
  return signs.some((sign) => document.includes(sign))
}
