import { anyVendor } from '../composer/document-digest.ts'
import { type PackageName, vendorOf } from '../composer/names.ts'
import { patternsOfVendor } from '../composer/vendor-patterns.ts'
import type { Reserved } from './reserved.ts'

export interface StandInsOptions extends Pick<Reserved, 'reservedNames'> {
  /** From PRIVATE_REPLACED_BY: public packages that may stand in for ours. */
  readonly allowed: readonly PackageName[]
}

/**
 * Of what a public package stands in for, patterns of what it may not: see vendor-patterns.ts.
 *
 * @param vendors others than its own, of whose packages it says so.
 */
export type StandsInForNone = (
  packageName: PackageName,
  vendors: readonly string[],
) => Promise<readonly string[]>

export function createStandsInForNone(options: StandInsOptions): StandsInForNone {
  const { allowed, reservedNames } = options
  const exempt: ReadonlySet<PackageName> = new Set(allowed)
  return async (packageName, vendors) => {
    if (exempt.has(packageName)) return []
    const { has, patterns } = await reservedNames()
    if (vendors.includes(anyVendor)) return patterns
    // That of an opened vendor may be about names that stay reserved.
    const own = vendorOf(packageName)
    return [own, ...vendors].filter(has).flatMap((vendor) => patternsOfVendor(patterns, vendor))
  }
}
