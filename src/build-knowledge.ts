import type { Config } from './config.ts'
import type { Digestion } from './digestion/digestion.ts'
import type { EventLog } from './events/log.ts'
import { createDatesOfAdvisories } from './metadata/advisory-dates.ts'
import {
  createPinnedKnowledge,
  type KnownAdvisoriesOptions,
  type PinnedKnowledge,
} from './metadata/known-advisories.ts'
import type { IsReserved } from './private/reserved.ts'
import { type Projector, waitingFor } from './projector/run.ts'
import type { SnapshotStore } from './snapshots/store.ts'
import type { Instant } from './time-machine/instant.ts'
import type { AskAdvisories } from './upstream/advisories.ts'

export interface KnowledgeParts {
  readonly config: Pick<Config, 'pinAdvisories'>
  readonly outside: { readonly now: () => Instant }
  readonly askAdvisories: AskAdvisories
  readonly log: EventLog
  readonly snapshots: SnapshotStore
  readonly digestion: Digestion
  readonly projector: Projector
  readonly isReservedByNow: IsReserved
}

/** The part of the composition root that is about what is known of the security of what a pin shows. */
export function buildKnowledge(
  parts: KnowledgeParts,
  newest: KnownAdvisoriesOptions['newest'],
): PinnedKnowledge {
  const { config, outside, snapshots, projector } = parts
  const { digest } = parts.digestion
  return createPinnedKnowledge({
    pinAdvisories: config.pinAdvisories,
    newest,
    hindsightIn: async (sha256, packageName) =>
      await digest('hindsight', await snapshots.get(sha256), packageName),
    datesOf: createDatesOfAdvisories({
      ...parts,
      digest,
      until: waitingFor(projector),
      now: outside.now,
    }),
  })
}
