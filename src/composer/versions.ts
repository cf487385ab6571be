// Composer's quantifiers are possessive, which JavaScript lacks. These take linear time all the same:
// digits can be read in one way only or, in the dates, in a bounded number of ways.
const modifier = String.raw`[._-]?(?:(?<stability>stable|beta|b|rc|alpha|a|patch|pl|p)(?<number>\d*(?:[.-]\d+)*))?(?<dev>[.-]?dev)?`
const numbered = new RegExp(String.raw`^v?(?<numbers>\d{1,5}(?:\.\d+){0,3})${modifier}$`, 'i')
const dated = new RegExp(
  String.raw`^v?(?<numbers>\d{4}(?:[.:-]?\d{2}){1,6}(?:[.:-]?\d{1,3}){0,2})${modifier}$`,
  'i',
)
const numberedBranch = /^v?(\d+(?:\.(?:\d+|[x*])){0,3})$/i

/** Characters of a version. The longest of 2,313 real documents has 81: the branch of a robot. */
export const versionLengthMax = 255

/** A `version_normalized` for Composer 1; later ones read the version itself in place of it. */
export const composer1DefaultBranch = '9999999-dev'

/** Stands for "any" in a branch such as `1.x`: higher than every number that a tag has. */
const wildcard = '9999999'

/**
 * The form in which Composer compares versions and names archives: `v1.2` is `1.2.0.0`, `2.0-RC1` is
 * `2.0.0.0-RC1`, `1.x-dev` is `1.9999999.9999999.9999999-dev`, and `dev-main` stays `dev-main`.
 *
 * For documents that leave `version_normalized` out. Returns undefined for what Composer refuses.
 */
export function normalizeVersion(version: string): string | undefined {
  if (version.length > versionLengthMax) return undefined
  const plain = withoutConstraintSyntax(trim(version))
  if (/^(?:master|trunk|default)$/.test(plain)) return `dev-${plain}`
  if (/^dev-/i.test(plain)) return `dev-${plain.slice(4)}`
  const release = plain.replace(/^([^,+ \t\n\r]+)\+[^ \t\n\r]+$/, '$1')
  return releaseVersion(release) ?? branchVersion(release)
}

/** Whether a normalized version is a branch and not a tag: a requirement may name a commit of it. */
export function isBranch(versionNormalized: string): boolean {
  return versionNormalized.startsWith('dev-') || versionNormalized.endsWith('-dev')
}

function releaseVersion(release: string): string | undefined {
  const classical = numbered.exec(release)?.groups
  if (classical !== undefined) {
    return fourNumbers(classical['numbers'] ?? '', '0') + suffixOf(classical)
  }
  const date = dated.exec(release)?.groups
  if (date === undefined) return undefined
  return (date['numbers'] ?? '').replaceAll(/\D/g, '.') + suffixOf(date)
}

/** `1.x-dev` → `1.9999999.9999999.9999999-dev`; undefined for branches that aren't numbers. */
function branchVersion(release: string): string | undefined {
  if (!/^[^\n]*dev$/i.test(release)) return undefined
  return numericBranch(release.replace(/[.-]?dev$/i, ''))
}

function numericBranch(branch: string): string | undefined {
  const numbers = numberedBranch.exec(trim(branch))?.[1]
  if (numbers === undefined) return undefined
  return `${fourNumbers(numbers, 'x').replaceAll(/[x*]/gi, wildcard)}-dev`
}

/** What Composer makes of the name of a branch, with which it does not begin by `dev-`: `1.x` or `main`. */
export function normalizeBranch(branch: string): string {
  return numericBranch(branch) ?? `dev-${branch}`
}

/** `1.0 as 2.0` and `1.0@beta` belong to requirements, but Composer reads them here as well. */
function withoutConstraintSyntax(version: string): string {
  return version
    .replace(/^([^, \t\n\r]+) +as +[^, \t\n\r]+$/, '$1')
    .replace(/@(?:stable|RC|beta|alpha|dev)$/i, '')
}

/** Takes off what PHP's `trim` does, which knows no space but ASCII's. */
export function trim(text: string): string {
  let [begin, end] = [0, text.length]
  while (begin < end && trimmed.includes(text.charAt(begin))) begin++
  while (begin < end && trimmed.includes(text.charAt(end - 1))) end--
  return text.slice(begin, end)
}

const trimmed = ' \t\n\r'

function fourNumbers(numbers: string, filler: string): string {
  const parts = numbers.split('.')
  return [...parts, filler, filler, filler].slice(0, 4).join('.')
}

function suffixOf(groups: Readonly<Record<string, string | undefined>>): string {
  const stability = groups['stability']?.toLowerCase()
  // Composer stops reading here: a "-dev" after "-stable" is lost.
  if (stability === 'stable') return ''
  const number = (groups['number'] ?? '').replace(/^[.-]+/, '')
  const named = stability === undefined ? '' : `-${longNames[stability] ?? stability}${number}`
  return named + (groups['dev'] === undefined ? '' : '-dev')
}

const longNames: Readonly<Record<string, string>> = {
  a: 'alpha',
  b: 'beta',
  p: 'patch',
  pl: 'patch',
  rc: 'RC',
}
