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
  /** All of those. */
  readonly vendorsWithPackages: () => Promise<readonly string[]>
}

export interface Reserved {
  readonly isReserved: IsReserved
  /** The same for many vendors at once, as of now. */
  readonly reservedVendors: () => Promise<ReservedVendors>
}

export interface ReservedVendors {
  readonly has: (vendor: string) => boolean
  /** Each as a pattern: a vendor is one as well. */
  readonly patterns: readonly string[]
}

/** Once reserved, always: locks from before go on naming packages that were withdrawn since. */
export function createReserved(options: ReservedOptions): Reserved {
  const { patterns, hasPackages, vendorsWithPackages } = options
  const isNamed = matcherOf(patterns)
  return {
    isReserved: async (vendor) => isNamed(vendor) || (await hasPackages(vendor)),
    async reservedVendors() {
      const vendors = new Set(await vendorsWithPackages())
      return {
        has: (vendor) => vendors.has(vendor) || isNamed(vendor),
        patterns: [...new Set([...patterns, ...vendors])],
      }
    },
  }
}

function matcherOf(patterns: readonly string[]): (vendor: string) => boolean {
  const expressions = patterns.map((pattern) => {
    const parts = pattern.split('*').map((part) => part.replaceAll('.', String.raw`\.`))
    return new RegExp(`^${parts.join('.*')}$`)
  })
  return (vendor) => expressions.some((expression) => expression.test(vendor))
}

/**
 * Whether a text that somebody typed, such as what to search for, names a reserved vendor, alone or in front
 * of a package's name. Such a text stays here.
 */
export function namesReserved(text: string, { has }: Pick<ReservedVendors, 'has'>): boolean {
  const words = text.toLowerCase().split(/[^a-z0-9_./-]+/)
  return words.some((word) => has(word.split('/')[0] ?? ''))
}
