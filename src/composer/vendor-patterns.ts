/**
 * Whether a name is one that these patterns name. A pattern is that of vendors, in which `*` stands for any
 * characters, or the name of one package. A name is that of a package, or of a vendor: that one is named when any
 * package of it is.
 *
 * @param patterns in lower case, like the names.
 */
export function matcherOf(patterns: readonly string[]): (name: string) => boolean {
  const exact = new Set(patterns)
  const globs = patterns.filter((pattern) => pattern.includes('*'))
  const vendorsOfNames = new Set(patterns.filter(isOnePackage).map(vendorOfPattern))
  return (name) => {
    const vendor = vendorOfPattern(name)
    if (exact.has(vendor) || globs.some((glob) => matchesGlob(vendor, glob))) return true
    return isOnePackage(name) ? exact.has(name) : vendorsOfNames.has(vendor)
  }
}

/** Those of the patterns that are about packages of a vendor, written for this one. */
export function patternsOfVendor(patterns: readonly string[], vendor: string): readonly string[] {
  const isWhole = patterns.some((pattern) => matchesGlob(vendor, pattern))
  if (isWhole) return [vendor]
  return patterns.filter((pattern) => isOnePackage(pattern) && vendorOfPattern(pattern) === vendor)
}

/** `acme/log`, and not `acme` or `acme-*`. */
export function isOnePackage(pattern: string): boolean {
  return pattern.includes('/')
}

/** `acme` of `acme/log` and of `acme`, `acme-*` of `acme-*`. */
export function vendorOfPattern(pattern: string): string {
  const slash = pattern.indexOf('/')
  return slash === -1 ? pattern : pattern.slice(0, slash)
}

/** Whether `*` of a glob can stand for what is left. By hand: many stars make a regular expression take for ever. */
export function matchesGlob(text: string, glob: string): boolean {
  const [first = '', ...others] = glob.split('*')
  const last = others.pop()
  if (last === undefined) return text === first
  if (!text.startsWith(first)) return false
  let from = first.length
  for (const part of others) {
    const at = text.indexOf(part, from)
    if (at === -1) return false
    from = at + part.length
  }
  return text.length - last.length >= from && text.endsWith(last)
}
