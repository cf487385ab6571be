import type { Logger } from 'pino'
import type { EventLog } from '../events/log.ts'
import { newEvent } from '../events/new-event.ts'
import { usesPerEventMax } from '../events/token-types.ts'
import { type NewEvent, tokenUsesStream } from '../events/types.ts'
import type { Instant } from '../time-machine/instant.ts'

export interface TokenUsesOptions {
  readonly now: () => Instant
  readonly logger: Logger
}

/** Notes in memory which tokens are shown, and appends it in batches: no request waits for the log. */
export interface TokenUses {
  readonly note: (tokenId: string) => void
  /**
   * Appends what was noted until now, if there was anything. Never rejects: what can't be appended is
   * kept for the next time, within limits. A crash costs the notes since the last time.
   */
  readonly flush: (log: EventLog) => Promise<void>
}

/** Of further ones in a batch the use isn't noted. */
const tokensMax = 10_000
/** Events without a database, an hour or two of a few hundred tokens; the oldest goes first. */
const waitingMax = 100

export function createTokenUses({ now, logger }: TokenUsesOptions): TokenUses {
  let noted = new Map<string, { readonly at: Instant; readonly count: number }>()
  let waiting: readonly NewEvent[] = []
  let flushed = Promise.resolve()

  /** Events get their ids here, so that one whose append had an unknown outcome isn't counted twice. */
  function close(): void {
    const uses = [...noted].map(([tokenId, use]) => ({ tokenId, ...use }))
    noted = new Map()
    for (let from = 0; from < uses.length; from += usesPerEventMax) {
      const part = uses.slice(from, from + usesPerEventMax)
      const event = newEvent({ type: 'TokensUsed', data: { uses: part } })
      waiting = [...waiting, event].slice(-waitingMax)
    }
  }
  async function append(log: EventLog): Promise<void> {
    close()
    const events = waiting
    if (events.length === 0) return
    try {
      await log.append({ stream: tokenUsesStream, expected: 'any', events })
      waiting = waiting.filter((event) => !events.includes(event))
    } catch (error) {
      logger.warn({ err: error, batches: events.length }, 'which tokens were used is not recorded')
    }
  }

  return {
    note(tokenId) {
      const before = noted.get(tokenId)
      if (before === undefined && noted.size >= tokensMax) return
      noted.set(tokenId, { at: now(), count: (before?.count ?? 0) + 1 })
    },
    async flush(log) {
      // One after the other: two at once would append the same events.
      flushed = flushed.then(async () => await append(log))
      await flushed
    },
  }
}
