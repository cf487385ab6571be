import type { Client } from '../access/client.ts'
import type { NoteResult } from '../telemetry/observer.ts'

/** Why a document is asked for. */
export interface Asking {
  readonly note?: NoteResult
  /** At whose expense names are looked up that aren't known yet; undefined: the service itself wants it. */
  readonly client?: Client | undefined
  /** What upstream says becomes the past of a pin or a freeze, so it is asked, and its answer recorded. */
  readonly isForThePast?: boolean
  /** Whoever asks can do without: what is kept is good enough at once, and nothing is better than a long wait. */
  readonly canDoWithout?: boolean
}
