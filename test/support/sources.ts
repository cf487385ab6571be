import { createDigestion, digestIfReadable } from '../../src/digestion/digestion.ts'
import type { ProjectionSources } from '../../src/projector/projection.ts'

/** What projections look up, with the real digestion. @param snapshot without it, all are empty. */
export function sourcesOf(
  snapshot: ProjectionSources['snapshot'] = async () => Buffer.alloc(0),
): ProjectionSources {
  return { snapshot, digest: digestIfReadable(createDigestion().digest) }
}
