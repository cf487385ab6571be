import { matcherOf } from '../composer/vendor-patterns.ts'

/**
 * Whether a vendor's packages are ours alone: upstream is never asked about them, and never answers.
 *
 * @throws what the database throws: not to know it is no reason to ask.
 */
export type IsReserved = (vendor: string) => Promise<boolean>

export interface ReservedOptions {
  /** From PRIVATE_VENDORS: lower case, `*` stands for any characters. */
  readonly patterns: readonly string[]
  /** Whether a vendor has, or had, a package of ours. */
  readonly hasPackages: (vendor: string) => Promise<boolean>
  /** All of those; may be from memory. */
  readonly vendorsWithPackages: () => Promise<ReadonlySet<string>>
}

export interface Reserved {
  /** For what is asked with every request: what another node published just now it may not know. */
  readonly isReserved: IsReserved
  /** For what goes to upstream, and for what is decided for good. */
  readonly isReservedByNow: IsReserved
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
  async function reservedVendors(): Promise<ReservedVendors> {
    const vendors = await vendorsWithPackages()
    return {
      has: (vendor) => isNamed(vendor) || vendors.has(vendor),
      patterns: [...new Set([...patterns, ...vendors])],
    }
  }
  return {
    isReserved: async (vendor) => isNamed(vendor) || (await vendorsWithPackages()).has(vendor),
    isReservedByNow: async (vendor) => isNamed(vendor) || (await hasPackages(vendor)),
    reservedVendors,
  }
}
