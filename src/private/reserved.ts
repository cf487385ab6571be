import { matcherOf } from '../composer/vendor-patterns.ts'

/**
 * Whether a package is ours alone: upstream is never asked about it, and never answers. Of a vendor, whether any
 * package of it is, which is for when no more than the vendor is known.
 *
 * @throws what the database throws: not to know it is no reason to ask.
 */
export type IsReserved = (name: string) => Promise<boolean>

export interface ReservedOptions {
  /** From PRIVATE_VENDORS: lower case, `*` stands for any characters. */
  readonly patterns: readonly string[]
  /** Whether publications reserve a name, a vendor's or a package's. */
  readonly isPublished: IsReserved
  /** Vendors that are reserved by publications, and packages of opened ones; may be from memory. */
  readonly published: () => Promise<ReservedNames>
}

export interface Reserved {
  /** For what is asked with every request: what another node published just now it may not know. */
  readonly isReserved: IsReserved
  /** For what goes to upstream, and for what is decided for good. */
  readonly isReservedByNow: IsReserved
  readonly reservedNames: () => Promise<ReservedNames>
}

export interface ReservedNames {
  /** See IsReserved. */
  readonly has: (name: string) => boolean
  /** See vendor-patterns.ts: a vendor is one as well, and so is a package. */
  readonly patterns: readonly string[]
}

export function namesReservedBy(patterns: readonly string[]): ReservedNames {
  return { has: matcherOf(patterns), patterns }
}

/**
 * Once reserved, always, but for what was never published in a vendor that is opened: locks from before go on naming
 * packages that were withdrawn since.
 */
export function createReserved(options: ReservedOptions): Reserved {
  const { patterns, isPublished, published } = options
  const isSet = matcherOf(patterns)
  return {
    isReserved: async (name) => isSet(name) || (await published()).has(name),
    isReservedByNow: async (name) => isSet(name) || (await isPublished(name)),
    async reservedNames() {
      const others = await published()
      return {
        has: (name) => isSet(name) || others.has(name),
        patterns: [...new Set([...patterns, ...others.patterns])],
      }
    },
  }
}
