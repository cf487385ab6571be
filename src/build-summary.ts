import { readRulesDigest, readRulesInForce } from '../projections/rules-in-force.ts'
import { versionRule } from '../projections/version-rule.ts'
import type { Config } from './config.ts'
import type { Db } from './database/schema.ts'
import type { Digestion } from './digestion/digestion.ts'
import type { Position } from './events/types.ts'
import type { CurrentDocument } from './metadata/current.ts'
import type { ReadEndpoints } from './metadata/endpoints.ts'
import { createMalwareSummary, type ReadMalwareSummary } from './metadata/malware-summary.ts'
import type { Reserved } from './private/reserved.ts'
import { whenCaughtUp } from './projector/caught-up.ts'
import type { KeptAnswers } from './projector/kept-answers.ts'
import type { Projector } from './projector/run.ts'
import type { SnapshotStore } from './snapshots/store.ts'

interface SummaryParts extends Pick<Reserved, 'reservedNames'> {
  readonly config: Pick<Config, 'proxyEnabled'>
  readonly db: Db
  readonly kept: KeptAnswers
  readonly projector: Projector
  readonly headAtStart: Position
  readonly snapshots: SnapshotStore
  readonly digestion: Digestion
  readonly endpoints: ReadEndpoints
  readonly current: CurrentDocument
}

/** The part of the composition root that is about the summary of what is blocked. */
export function buildSummary(parts: SummaryParts): ReadMalwareSummary {
  const { config, db, kept, snapshots, digestion } = parts
  const caughtUp = whenCaughtUp(parts)
  return createMalwareSummary({
    ...parts,
    hasUpstream: config.proxyEnabled,
    snapshot: snapshots.get,
    digest: digestion.digest,
    rulesDigest: kept.keepingOne(async () => {
      // Half of the rules would let the others pass.
      caughtUp(versionRule)
      return await readRulesDigest(db)
    }),
    rulesInForce: async () => await readRulesInForce(db),
  })
}
