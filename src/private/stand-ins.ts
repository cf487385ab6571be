import { anyVendor } from '../composer/document-digest.ts'
import type { PackageName } from '../composer/names.ts'
import type { Reserved } from './reserved.ts'

export interface StandInsOptions extends Pick<Reserved, 'reservedVendors'> {
  /** From PRIVATE_REPLACED_BY: public packages that may stand in for ours. */
  readonly allowed: readonly PackageName[]
}

/** Of vendors whose packages a public package stands in for, patterns of those where it may not. */
export type StandsInForNone = (
  packageName: PackageName,
  vendors: readonly string[],
) => Promise<readonly string[]>

export function createStandsInForNone(options: StandInsOptions): StandsInForNone {
  const { allowed, reservedVendors } = options
  const exempt: ReadonlySet<PackageName> = new Set(allowed)
  return async (packageName, vendors) => {
    if (exempt.has(packageName)) return []
    const { has, patterns } = await reservedVendors()
    return vendors.includes(anyVendor) ? patterns : vendors.filter(has)
  }
}
