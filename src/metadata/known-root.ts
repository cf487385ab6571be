import { rootDocument } from '../composer/names.ts'
import type { AsOfAnswer, Basis, DocumentAsOf } from './as-of.ts'
import type { CurrentAnswer, CurrentDocument } from './current.ts'
import { ifKnown } from './if-known.ts'

/** Upstream's root file, which ours is there without; undefined: it isn't known yet. */
export interface KnownRoot {
  readonly upstreamRoot: () => Promise<CurrentAnswer | undefined>
  readonly upstreamRootAsOf: (basis: Basis) => Promise<AsOfAnswer | undefined>
}

export function createKnownRoot({
  current,
  asOf,
}: {
  readonly current: CurrentDocument
  readonly asOf: DocumentAsOf
}): KnownRoot {
  const asking = { canDoWithout: true }
  return {
    upstreamRoot: async () => await ifKnown(async () => await current(rootDocument, asking)),
    upstreamRootAsOf: async (basis) =>
      await ifKnown(async () => await asOf(rootDocument, basis, asking)),
  }
}
