import type { Logger } from 'pino'
import type { EventLog } from '../events/log.ts'
import { usesPerEventMax } from '../events/token-types.ts'
import { tokenUsesStream } from '../events/types.ts'
import { createWaitingEvents } from '../events/waiting-events.ts'
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
  const what = 'which tokens were used'
  const waiting = createWaitingEvents({ stream: tokenUsesStream, max: waitingMax, what, logger })

  return {
    note(tokenId) {
      const before = noted.get(tokenId)
      if (before === undefined && noted.size >= tokensMax) return
      noted.set(tokenId, { at: now(), count: (before?.count ?? 0) + 1 })
    },
    async flush(log) {
      const uses = [...noted].map(([tokenId, use]) => ({ tokenId, ...use }))
      noted = new Map()
      for (let from = 0; from < uses.length; from += usesPerEventMax) {
        const part = uses.slice(from, from + usesPerEventMax)
        waiting.add({ type: 'TokensUsed', data: { uses: part } })
      }
      await waiting.flush(log)
    },
  }
}
