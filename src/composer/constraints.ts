import { LRUCache } from 'lru-cache'
import { compareVersions, versionKey, type VersionParts, versionParts } from './version-compare.ts'
import { normalizeVersion, trim } from './versions.ts'

type Operator = '=' | '!=' | '<' | '<=' | '>' | '>='

interface Comparison {
  readonly operator: Operator
  /** Normalized. */
  readonly version: string
}

/** The same, with what comparing needs. */
interface Test extends Comparison {
  readonly parts: VersionParts
}

export interface Constraint {
  /** By their keys, the versions that are alternatives by themselves: looked up at once, however many they are. */
  readonly versionKeys: ReadonlySet<string>
  /** The other alternatives, of which each is all of its comparisons; one without any is met by every version. */
  readonly alternatives: readonly (readonly Test[])[]
  /** Of the other alternatives together: what a version is compared with. */
  readonly comparisonsCount: number
}

/** Is met by every version. */
export const everyVersion: Constraint = {
  versionKeys: new Set(),
  alternatives: [[]],
  comparisonsCount: 0,
}

/**
 * Characters of a constraint with all its alternatives. The longest of 2,313 real documents has 151, but a
 * list of malware, or a package that conflicts with what is known to be vulnerable, names versions one by one.
 */
export const constraintLengthMax = 32_768

/** Composer takes some of them for spaces, in some places; the others are in nobody's constraint. */
const controls = /[^\P{Cc}\t\n\r]/u

/**
 * Reads a constraint as Composer does: alternatives by `|` or `||`, comparisons joined by commas or
 * spaces, `^`, `~`, `1.*`, `1.0 - 2.0`, branches by their names. Returns undefined for what Composer
 * refuses, for control characters, and for more than `constraintLengthMax` characters. Takes time in
 * proportion to the length.
 */
export function parseConstraint(text: string): Constraint | undefined {
  if (text.length > constraintLengthMax || controls.test(text)) return undefined
  const versionKeys = new Set<string>()
  const alternatives: (readonly Test[])[] = []
  for (const alternative of trim(text).split(/\|\|?/)) {
    const comparisons = parseAlternative(trim(alternative))
    if (comparisons === undefined) return undefined
    const tests = comparisons.map((part) => ({ ...part, parts: versionParts(part.version) }))
    const [only] = tests
    if (tests.length === 1 && only?.operator === '=') versionKeys.add(keyOf(only))
    else alternatives.push(tests)
  }
  return { versionKeys, alternatives, comparisonsCount: alternatives.flat().length }
}

/** Branches by name have no order, and are equal to themselves only. */
function keyOf({ version, parts }: Pick<Test, 'version' | 'parts'>): string {
  return isNamed(version) ? version : versionKey(parts)
}

function parseAlternative(text: string): readonly Comparison[] | undefined {
  const read: Comparison[] = []
  for (const part of text.replaceAll(/ {4,}/g, '   ').split(and)) {
    const comparisons = parsePart(part)
    if (comparisons === undefined) return undefined
    read.push(...comparisons)
  }
  return read
}

const answersLengthMax = 2_000_000

/** The versions of a document have mostly the same ones: reading each once takes less than half the time. */
const answers = new LRUCache<string, boolean>({
  max: 5_000,
  maxSize: answersLengthMax,
  sizeCalculation: (_, text) => text.length + 1,
})

/** Whether a link's constraint is one that Composer can read. */
export function isLinkConstraint(text: string): boolean {
  if (text.length > constraintLengthMax) return false
  const known = answers.get(text)
  if (known !== undefined) return known
  const answer = text === 'self.version' || parseConstraint(text) !== undefined
  answers.set(text, answer)
  return answer
}

/** @param version normalized, as in `version_normalized`. */
export function satisfies(version: string, { versionKeys, alternatives }: Constraint): boolean {
  const compared = { version, parts: versionParts(version) }
  if (versionKeys.has(keyOf(compared))) return true
  return alternatives.some((alternative) => alternative.every((test) => meets(compared, test)))
}

function meets(
  { version, parts }: Pick<Test, 'version' | 'parts'>,
  { operator, version: other, parts: otherParts }: Test,
): boolean {
  if (!isNamed(version) && !isNamed(other)) {
    return holds[operator](compareVersions(parts, otherParts))
  }
  // Branches by name have no order, and are equal to themselves only.
  return operator === '!=' ? version !== other : operator === '=' && version === other
}

/** Of the order of a version and the other one. */
const holds: Readonly<Record<Operator, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
}

function isNamed(version: string): boolean {
  return version.startsWith('dev-')
}

// What follows is Composer's VersionParser, in its order: the first reading that fits is the one. Its
// expressions are written so that no text can be read by a repeat in two ways, which takes V8 for ever.
// PCRE's `$` is also before a last newline, its `.` is all but a newline, and its `\s` has ASCII's spaces only.

/** Between two comparisons; not around the hyphen of a range, nor around `as`, nor behind an operator. */
const and = /(?<!^|as|[=>< ,]) {0,3}(?<!-)[, ](?!-) {0,3}(?!,|as|\n?$)/
const stabilities = '(?:stable|beta|b|RC|alpha|a|patch|pl|p)'
const modifier = String.raw`[._-]?(?:${stabilities}\d*(?:[.-]\d+)*)?(?:[.-]?dev)?`
const anyMinor = String.raw`\.[xX*][.-]?dev`
const numbers = String.raw`v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.(\d+))?`
const space = String.raw`[ \t\n\r]`
const word = String.raw`[^, \t\n\r]`
/** Numbers, what is behind them, and a build, which says nothing. */
const version = String.raw`${numbers}(${modifier}|${anyMinor})(?:\+[^ \t\n\r]+)?`
const tilde = new RegExp(String.raw`^~${version}\n?$`, 'i')
const caret = new RegExp(String.raw`^\^${version}\n?$`, 'i')
const wildcard = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.[xX*])+\n?$/
const range = new RegExp(String.raw`^(${version}) +- +(${version})\n?$`, 'i')
const comparison = new RegExp(String.raw`^(<>|!=|>=?|<=?|==?)?${space}*([^ \t\n\r][^\n]*)?`)
/** Composer looks for this in lower case, so an RC isn't seen; the case of letters counts here. */
const unstable = new RegExp(`-${modifier}$`)

const alias = new RegExp(String.raw`^(${word}+) +as +${word}+\n?$`)
const flag = new RegExp(String.raw`^(${word}*?)@(stable|RC|beta|alpha|dev)\n?$`, 'i')
const commit = /^(dev-[^,@ \t\n\r][^,@# \t\n\r]*|[^,@# \t\n\r]+\.x-dev)#[^\n]+\n?$/i

function parsePart(part: string): readonly Comparison[] | undefined {
  const { text, stability } = withoutFlags(part)
  if (/^v?[x*](?:\.[x*])*\n?$/i.test(text)) {
    return /^[x*]\n?$/i.test(text) ? [] : [{ operator: '>=', version: '0.0.0.0-dev' }]
  }
  return (
    parseTilde(text) ??
    parseCaret(text) ??
    parseWildcard(text) ??
    parseRange(text) ??
    parseComparison(text, stability)
  )
}

/** `1.0 as 2.0`, `1.0@beta` and `dev-main#<commit>` say more than which versions are meant. */
function withoutFlags(part: string): { readonly text: string; readonly stability: string } {
  const plain = part.replace(alias, '$1')
  const [, flagged, stability = ''] = flag.exec(plain) ?? []
  const text = flagged === undefined ? plain : flagged || '*'
  return { text: text.replace(commit, '$1'), stability: stability === 'stable' ? '' : stability }
}

function parseTilde(text: string): readonly Comparison[] | undefined {
  const match = tilde.exec(text)
  if (match === null) return undefined
  const [, ...parts] = match
  const given = parts.slice(0, 4).findLastIndex((number) => number !== undefined) + 1
  const position = isAnyMinor(parts[4]) ? given + 1 : given
  return between(lowest(text, parts[4]), below(parts, Math.max(1, position - 1)))
}

function parseCaret(text: string): readonly Comparison[] | undefined {
  const match = caret.exec(text)
  if (match === null) return undefined
  const [, ...parts] = match
  const [major, minor, patch] = parts
  const isMajor = major !== '0' || minor === undefined
  const position = isMajor ? 1 : minor !== '0' || patch === undefined ? 2 : 3
  return between(lowest(text, parts[4]), below(parts, position))
}

function parseWildcard(text: string): readonly Comparison[] | undefined {
  const match = wildcard.exec(text)
  if (match === null) return undefined
  const [, ...parts] = match
  const position = parts.findLastIndex((number) => number !== undefined) + 1
  const from = `${padded(parts, position).join('.')}-dev`
  const end = below(parts, position)
  return from === '0.0.0.0-dev' ? [end] : between(from, end)
}

/** `1.0 - 2.0` has all of 2.0.*, `1.0 - 2.0.0` nothing after 2.0.0. */
function parseRange(text: string): readonly Comparison[] | undefined {
  const match = range.exec(text)
  if (match === null) return undefined
  const [, from = '', , , , , fromSuffix, to = '', ...toParts] = match
  const low = normalizeVersion(from)
  const high = normalizeVersion(to)
  if (low === undefined || high === undefined) return undefined
  return between(hasStability(fromSuffix) ? low : `${low}-dev`, endOfRange(high, toParts))
}

function endOfRange(high: string, parts: readonly (string | undefined)[]): Comparison {
  const [, minor, patch, , suffix] = parts
  const isWhole = minor !== undefined && patch !== undefined
  if (isWhole || hasStability(suffix)) return { operator: '<=', version: high }
  return below(parts, minor === undefined ? 1 : 2)
}

function parseComparison(text: string, stability: string): readonly Comparison[] | undefined {
  const [, sign = '=', written = ''] = comparison.exec(text) ?? []
  const operator = operators.get(sign)
  const normalized = normalizeVersion(written) ?? branchWrittenBackwards(written)
  if (operator === undefined || normalized === undefined) return undefined
  return [
    {
      operator,
      version: `${normalized}${suffixFor(operator, { written, normalized, stability })}`,
    },
  ]
}

/** `>=1.0` begins with the first development of 1.0, as `<1.0` ends before it. */
function suffixFor(
  operator: Operator,
  part: { readonly written: string; readonly normalized: string; readonly stability: string },
): string {
  const { written, normalized, stability } = part
  if (operator !== '=' && stability !== '' && isStable(normalized)) return `-${stability}`
  if (operator !== '<' && operator !== '>=') return ''
  return unstable.test(written.toLowerCase()) || written.startsWith('dev-') ? '' : '-dev'
}

const operators: ReadonlyMap<string, Operator> = new Map([
  ['=', '='],
  ['==', '='],
  ['!=', '!='],
  ['<>', '!='],
  ['<', '<'],
  ['<=', '<='],
  ['>', '>'],
  ['>=', '>='],
])

/** `foo-dev` stands for `dev-foo`. */
function branchWrittenBackwards(written: string): string | undefined {
  return /^[0-9a-zA-Z\-./]*-dev$/.test(written) ? `dev-${written.slice(0, -4)}` : undefined
}

function isStable(normalized: string): boolean {
  return !/^dev-|-dev$|-(?:alpha|beta|RC)/.test(normalized)
}

function between(low: string | undefined, end: Comparison): readonly Comparison[] | undefined {
  return low === undefined ? undefined : [{ operator: '>=', version: low }, end]
}

/** Of `^1.2` and `~1.2`, whose first development counts unless they name another one. */
function lowest(text: string, suffix: string | undefined): string | undefined {
  return normalizeVersion(`${text.slice(1)}${hasStability(suffix) ? '' : '-dev'}`)
}

/** What is behind the numbers can be a hyphen and nothing else. */
function hasStability(suffix: string | undefined): boolean {
  return /[a-z]/i.test(suffix ?? '')
}

function isAnyMinor(suffix: string | undefined): boolean {
  return /^\.[xX*]/.test(suffix ?? '')
}

/** Below the version that is one up in the number at `position`, from 1. */
function below(parts: readonly (string | undefined)[], position: number): Comparison {
  const up = padded(parts, position)
  up[position - 1] = String(Number(up[position - 1]) + 1)
  return { operator: '<', version: `${up.join('.')}-dev` }
}

function padded(parts: readonly (string | undefined)[], position: number): string[] {
  return [0, 1, 2, 3].map((index) => (index < position ? (parts[index] ?? '0') : '0'))
}
