import type { Logger } from 'pino'
import type { EventLog } from './log.ts'
import { newEvent } from './new-event.ts'
import type { DomainEvent, NewEvent } from './types.ts'

/** Events of what was counted in memory, until they are in the log. */
export interface WaitingEvents {
  /** Has its id from here on, so that one whose append had an unknown outcome isn't counted twice. */
  readonly add: (event: DomainEvent) => void
  /** Appends all there are. Never rejects: what can't be appended is kept for the next time. */
  readonly flush: (log: EventLog) => Promise<void>
  readonly isEmpty: () => boolean
}

export interface WaitingEventsOptions {
  readonly stream: string
  /** Without a database for so long that more come together, the oldest go first. */
  readonly max: number
  /** What isn't recorded when it fails, such as `what was used`. */
  readonly what: string
  readonly logger: Logger
}

export function createWaitingEvents(options: WaitingEventsOptions): WaitingEvents {
  const { stream, max, what, logger } = options
  let waiting: readonly NewEvent[] = []
  let flushed = Promise.resolve()

  async function append(log: EventLog): Promise<void> {
    const events = waiting
    if (events.length === 0) return
    try {
      await log.append({ stream, expected: 'any', events })
      waiting = waiting.filter((event) => !events.includes(event))
    } catch (error) {
      logger.warn({ err: error, batches: events.length }, `${what} is not recorded yet`)
    }
  }
  return {
    add: (event) => void (waiting = [...waiting, newEvent(event)].slice(-max)),
    isEmpty: () => waiting.length === 0,
    async flush(log) {
      // One after the other: two at once would append the same events.
      flushed = flushed.then(async () => await append(log))
      await flushed
    },
  }
}
