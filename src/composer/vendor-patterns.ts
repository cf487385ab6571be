/** Whether a vendor is one that these patterns name; `*` stands for any characters. */
export function matcherOf(patterns: readonly string[]): (vendor: string) => boolean {
  const expressions = patterns.map((pattern) => {
    const parts = pattern.split('*').map((part) => part.replaceAll('.', String.raw`\.`))
    return new RegExp(`^${parts.join('.*')}$`)
  })
  return (vendor) => expressions.some((expression) => expression.test(vendor))
}
