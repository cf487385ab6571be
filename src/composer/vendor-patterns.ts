/** Whether a vendor is one that these patterns name; `*` stands for any characters. */
export function matcherOf(patterns: readonly string[]): (vendor: string) => boolean {
  return (vendor) => patterns.some((pattern) => matchesGlob(vendor, pattern))
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
