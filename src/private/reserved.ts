/**
 * Whether a vendor's packages are ours alone: upstream is never asked about them, and never answers.
 *
 * @throws what the database throws: not to know it is no reason to ask.
 */
export type IsReserved = (vendor: string) => Promise<boolean>

export interface ReservedOptions {
  /** From PRIVATE_VENDORS: lower case, `*` stands for any characters. */
  readonly patterns: readonly string[]
  /** Whether it has, or had, a package of ours. */
  readonly hasPackages: (vendor: string) => Promise<boolean>
}

/** Once reserved, always: locks from before go on naming packages that were withdrawn since. */
export function createIsReserved({ patterns, hasPackages }: ReservedOptions): IsReserved {
  const isNamed = matcher(patterns)
  return async (vendor) => isNamed(vendor) || (await hasPackages(vendor))
}

export function matcher(patterns: readonly string[]): (vendor: string) => boolean {
  const expressions = patterns.map((pattern) => {
    const parts = pattern.split('*').map((part) => part.replaceAll(/[^a-z0-9_-]/g, String.raw`\$&`))
    return new RegExp(`^${parts.join('.*')}$`)
  })
  return (vendor) => expressions.some((expression) => expression.test(vendor))
}
