/** What PHP has for both lists and objects: an array. */
export function isPhpArray(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** Whether PHP's `empty` takes a value for one: nothing is looked at behind it. */
export function isPhpEmpty(value: unknown): boolean {
  if (isPhpArray(value)) return hasNoKeys(value)
  return !value || value === '0'
}

/** PHP's `(array)`: what isn't one becomes the only member of one, and null none. */
export function membersOf(value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return []
  return isPhpArray(value) ? Object.values(value) : [value]
}

/** Whether PHP makes a number of a key, as it does of those of a list, where text is expected. */
export function hasNumberedKey(value: object): boolean {
  if (Array.isArray(value)) return value.length > 0
  return Object.keys(value).some((key) => /^(?:0|-?[1-9]\d{0,18})$/.test(key) && isInt64(key))
}

function isInt64(digits: string): boolean {
  return BigInt.asIntN(64, BigInt(digits)) === BigInt(digits)
}

function hasNoKeys(value: object): boolean {
  for (const key in value) if (Object.hasOwn(value, key)) return false
  return true
}
