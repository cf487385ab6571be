import type { Tx } from '../database/schema.ts'
import type { DigestIfReadable } from '../digestion/digestion.ts'
import type { RecordedEvent, Sha256 } from '../events/types.ts'

/** What a projection may look up beside the event: bytes that are named by their hash, so never differ. */
export interface ProjectionSources {
  readonly snapshot: (sha256: Sha256) => Promise<Buffer>
  /** undefined: the bytes, of a former release, are past a limit of this one. */
  readonly digest: DigestIfReadable
}

/**
 * A read model folded from events: disposable, rebuilt at will.
 *
 * It lives in a schema of its own (`schemaOf`), which is first in the search path of every transaction
 * it is given, so its SQL names its tables without a schema and works in the live build and in a
 * rebuild alike. `apply` runs in the transaction that also moves the checkpoint, so each event takes
 * effect exactly once. It must be deterministic: no clock, no network, no randomness.
 */
export interface Projection {
  /** snake_case */
  readonly name: string
  /** Raise it whenever tables or meaning change: the new version is built from the start of the log. */
  readonly version: number
  readonly createTables: (tx: Tx) => Promise<void>
  readonly apply: (tx: Tx, event: RecordedEvent, sources: ProjectionSources) => Promise<void>
}

export function schemaOf({ name, version }: Projection): string {
  return `${name}_v${version}`
}
