import type { Instant } from '../time-machine/instant.ts'
import type { NewEvent, Position, RecordedEvent } from './types.ts'

/** Version of a stream that the caller decided on: 0 = it doesn't exist yet; 'any' = don't check. */
export type ExpectedVersion = number | 'any'

export type AppendResult =
  | { readonly outcome: 'appended'; readonly events: readonly RecordedEvent[] }
  /** Somebody else appended first: read the stream again and decide anew. */
  | { readonly outcome: 'conflict'; readonly version: number }

export interface Append {
  readonly stream: string
  readonly expected: ExpectedVersion
  readonly events: readonly NewEvent[]
}

/**
 * The append-only log, the only source of truth. Every adapter passes the contract suite.
 *
 * All methods may be called concurrently. Events are durable once `append` resolves; all of one call
 * are appended, or none. An append whose event ids are already there changes nothing and answers with
 * what was stored, so an append of unknown outcome can be repeated.
 */
export interface EventLog {
  /** @throws NotRecordable when the data of an event is larger than `eventDataSizeBytesMax`. */
  readonly append: (append: Append) => Promise<AppendResult>
  /** The next events after `after` in log order, at most `limit`; none is ever skipped. */
  readonly read: (after: Position, limit: number) => Promise<readonly RecordedEvent[]>
  /** The events of one stream in order, after version `after`, at most `limit`. */
  readonly readStream: (
    stream: string,
    options: { readonly after: number; readonly limit: number },
  ) => Promise<readonly RecordedEvent[]>
  /** Position of the last event, 0 when there is none. */
  readonly head: () => Promise<Position>
  /** Position of the last event with `recordedAt` at or before `at`, 0 when there is none. */
  readonly positionAt: (at: Instant) => Promise<Position>
}
