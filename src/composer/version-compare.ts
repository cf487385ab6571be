/** A normalized version in pieces: `1.0.0.0-beta2` is 1, 0, 0, 0, beta, 2. */
export type VersionParts = readonly string[]

export function versionParts(version: string): VersionParts {
  return version.match(/\d+|[^\d.+_-]+/g) ?? []
}

/**
 * Which of two versions is the later one: negative when `left` is earlier, as PHP's `version_compare`
 * has it, which Composer goes by. Not for branches by name, which have no order.
 */
export function compareVersions(left: VersionParts, right: VersionParts): number {
  const common = Math.min(left.length, right.length)
  for (let index = 0; index < common; index++) {
    const order = compareParts(left[index] ?? '', right[index] ?? '')
    if (order !== 0) return order
  }
  // What one has more of makes it later when it is a number, or a patch of what both have in common.
  return afterEnd(left[common]) - afterEnd(right[common])
}

/**
 * Two versions have the same key exactly when `compareVersions` gives 0 for them. That has no such key for words that begin
 * with `#`, which no normalized version has.
 */
export function versionKey(parts: VersionParts): string {
  return parts
    .map((part) => (isNumber(part) ? String(clamped(part)) : `word${rankOf(part)}`))
    .join('.')
}

function compareParts(left: string, right: string): number {
  if (isNumber(left) && isNumber(right)) return compareNumbers(left, right)
  return Math.sign(rankOf(left) - rankOf(right))
}

const exactDigitsMax = 15
/** PHP's largest integer, which stands for every larger one. */
const numberMax = 2n ** 63n - 1n

function compareNumbers(left: string, right: string): number {
  if (left.length <= exactDigitsMax && right.length <= exactDigitsMax) {
    return Math.sign(Number(left) - Number(right))
  }
  const [one, other] = [clamped(left), clamped(right)]
  return one === other ? 0 : one < other ? -1 : 1
}

function clamped(digits: string): bigint {
  const number = BigInt(digits)
  return number > numberMax ? numberMax : number
}

/** From the earliest; `#` stands for a number. What isn't listed, or is in other letters, is earlier than all. */
const words = [['dev'], ['a'], ['b'], ['RC', 'rc'], ['#'], ['p']]

function rankOf(part: string): number {
  const word = isNumber(part) ? '#' : part
  return words.findIndex((same) => same.some((known) => word.startsWith(known)))
}

function afterEnd(part: string | undefined): number {
  if (part === undefined) return 0
  return isNumber(part) ? 1 : compareParts(part, '#')
}

function isNumber(part: string): boolean {
  return part >= '0' && part < ':'
}
