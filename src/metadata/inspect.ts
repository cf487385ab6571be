import { namedVersion, parseDocument } from '../composer/document.ts'
import { readFilter } from '../composer/document-filter.ts'
import { filterVersions } from '../composer/filter-versions.ts'
import { problemsOfVersions } from '../composer/loadable.ts'
import { isMalwareSummary } from '../composer/malware-list.ts'
import type { JsonObject } from '../composer/minify.ts'
import {
  type DocumentName,
  filterSummary,
  type PackageName,
  packageOfDocument,
} from '../composer/names.ts'
import { problemOfRootFile } from '../composer/root-file.ts'
import type { NamedVersions } from './decide.ts'

/**
 * Of the rules that a body is inspected by. A body that was refused is remembered with it, and isn't inspected again until
 * there are other rules: raise it when any of them changes, limits and parsers included.
 */
export const inspectionVersion = 4

export interface RejectedVersion {
  readonly version: string
  readonly problem: string
}

/** What upstream sent, as far as it can be given to Composer. */
export type Inspected =
  | {
      readonly ok: true
      /** The very bytes sent, unless versions had to be left out. */
      readonly body: Buffer
      readonly rejected: readonly RejectedVersion[]
      readonly versions: NamedVersions
      /** Names of lists in its `filter`. */
      readonly unreadableLists: readonly string[]
    }
  | {
      readonly ok: false
      /** In our own words. */
      readonly problem: string
      /** Of the problem, with upstream's words in it. */
      readonly example?: string
      /** Upstream says by it that it has no such package. */
      readonly isNoSuch?: true
    }

const none: NamedVersions = new Map()

/**
 * Checks a body before it is kept: what fails is never served. A version that Composer couldn't load is
 * left out, since it would cost the others, and so is what is of another package; a document with nothing else
 * in it fails. Pure.
 */
export function inspectBody(document: DocumentName, body: Buffer): Inspected {
  const name = packageOfDocument(document)
  if (name !== undefined) return inspectPackage(name, body)
  return document === filterSummary ? inspectSummary(body) : inspectRoot(body)
}

function inspectPackage(
  { packageName, kind }: NonNullable<ReturnType<typeof packageOfDocument>>,
  body: Buffer,
): Inspected {
  const parsed = parseDocument(body, packageName)
  if (!parsed.ok) return parsed
  const { versions, keys, minified, leftOut, others } = parsed.document
  if (minified && keys?.some(isIndex)) {
    return { ok: false, problem: 'versions in an order that cannot be kept' }
  }
  const problems = problemsOfVersions(versions)
  const bad = [...problems].map(([version, problem]) => ({ version: version['version'], problem }))
  const first = [...leftOut, ...bad][0]?.problem
  if (first !== undefined && problems.size === versions.length) {
    return { ok: false, problem: 'no version that Composer could load', example: first }
  }
  const isGood = (version: (typeof versions)[number]) => !problems.has(version)
  return {
    ok: true,
    body: filterVersions(parsed.document, packageName, isGood) ?? body,
    rejected: [...leftOut, ...bad, ...others].map(({ version, problem }) => ({
      version: printable(version),
      problem: shortened(problem),
    })),
    versions: versionsNamed(versions.filter(isGood)),
    unreadableLists: kind === 'tags' ? unreadableListsOf(parsed.document.top, packageName) : [],
  }
}

function unreadableListsOf(top: JsonObject, packageName: PackageName): readonly string[] {
  return readFilter(top['filter'], packageName).unreadable
}

/**
 * Whether JavaScript puts a key before those sent earlier. Each difference builds on the one before it, so in
 * another order Composer would read other versions than are looked at here.
 */
function isIndex(key: string): boolean {
  return /^(?:0|[1-9]\d{0,9})$/.test(key)
}

function inspectRoot(body: Buffer): Inspected {
  const problem = problemOfRootFile(body)
  return problem === undefined
    ? { ok: true, body, rejected: [], versions: none, unreadableLists: [] }
    : { ok: false, problem }
}

function inspectSummary(body: Buffer): Inspected {
  return isMalwareSummary(body)
    ? { ok: true, body, rejected: [], versions: none, unreadableLists: [] }
    : { ok: false, problem: 'not a summary of lists' }
}

/** Which versions a kept body names; none for what is of no package. */
export function versionsIn(document: DocumentName, body: Buffer): NamedVersions {
  const name = packageOfDocument(document)
  const parsed = name === undefined ? undefined : parseDocument(body, name.packageName)
  return parsed?.ok === true ? versionsNamed(parsed.document.versions) : none
}

function versionsNamed(versions: readonly Parameters<typeof namedVersion>[0][]): NamedVersions {
  const named = versions.flatMap((version) => namedVersion(version) ?? [])
  return new Map(named.map(({ version, reference }) => [version, reference]))
}

/** Of each text, so that an event has room for all the versions that it names. */
const printableMax = 100
const problemMax = 2 * printableMax

function printable(version: unknown): string {
  // Half of a pair is no text for an event.
  return JSON.stringify(version ?? null)
    .slice(0, printableMax)
    .replace(/\p{Cs}$/u, '')
}

/** It says where in the version, and so has keys in it, of any length and with anything in them. */
function shortened(problem: string): string {
  const short =
    problem.length <= problemMax
      ? problem
      : `${problem.slice(0, printableMax)} … ${problem.slice(-printableMax)}`
  return short.replaceAll(/[\p{Cc}\p{Cs}]/gu, '\u{FFFD}')
}
