import type { PackageName } from '../../composer/names.ts'

/** A package of our own, as lists and searches have it; see projections/private-listing.ts. */
export interface OwnPackage {
  readonly packageName: PackageName
  readonly type: string
  readonly description: string
  readonly homepage: string
  readonly keywords: readonly string[]
  readonly provided: readonly string[]
  readonly abandoned: boolean | string
}
