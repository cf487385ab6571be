import { joinedAdvisories } from '../../composer/advisories.ts'
import type { PackageName } from '../../composer/names.ts'
import type { Instant } from '../../time-machine/instant.ts'

/** What is known of the advisories of a package without asking upstream's `api-url`. */
export interface Known {
  /** JSON of a list; undefined: upstream doesn't have the package. */
  readonly advisories: string | undefined
  /** When upstream was last seen to say so. */
  readonly at: Instant
}

export type KnownByName = ReadonlyMap<PackageName, Known>

export interface AdvisoriesHereOptions {
  /** What upstream last answered when it was asked. */
  readonly kept: (
    names: readonly PackageName[],
  ) => Promise<
    ReadonlyMap<PackageName, { readonly advisories: string; readonly learnedAt: Instant }>
  >
  /** What the documents that are here say; those that say nothing about advisories are left out. */
  readonly documents: (names: readonly PackageName[]) => Promise<KnownByName>
  /** Those that upstream didn't have when it last told of all its names. */
  readonly unlistedAmong: (
    names: readonly PackageName[],
  ) => Promise<{ readonly names: readonly PackageName[]; readonly at: Instant } | undefined>
}

/**
 * What is here about packages, for when upstream doesn't answer: what it answered last and what documents say, both of
 * them together. Names that are left out are those of which nothing is known.
 */
export function createAdvisoriesHere(
  options: AdvisoriesHereOptions,
): (names: readonly PackageName[]) => Promise<KnownByName> {
  return async (names) => {
    const [kept, documents] = await Promise.all([options.kept(names), options.documents(names)])
    const known = new Map<PackageName, Known>()
    for (const name of names) {
      const answered = kept.get(name)
      const inDocument = documents.get(name)
      if (answered !== undefined) known.set(name, joined(answered, inDocument))
      else if (inDocument !== undefined) known.set(name, inDocument)
    }
    const others = names.filter((name) => !known.has(name))
    const unlisted = others.length === 0 ? undefined : await options.unlistedAmong(others)
    if (unlisted === undefined) return known
    const { names: lacking, at } = unlisted
    for (const name of lacking) known.set(name, { advisories: undefined, at })
    return known
  }
}

function joined(
  { advisories, learnedAt }: { readonly advisories: string; readonly learnedAt: Instant },
  inDocument: Known | undefined,
): Known {
  if (inDocument?.advisories === undefined) return { advisories, at: learnedAt }
  const at = learnedAt > inDocument.at ? learnedAt : inDocument.at
  return { advisories: joinedAdvisories(advisories, inDocument.advisories), at }
}
