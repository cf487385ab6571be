import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import type { Client } from '../access/client.ts'
import { actorOf, nameOf, type Principal } from '../access/principal.ts'
import { createShared } from '../access/share.ts'
import type { EventLog } from '../events/log.ts'
import { newEvent } from '../events/new-event.ts'
import { wantedStream } from '../events/types.ts'
import type { Instant } from '../time-machine/instant.ts'
import { dayOf } from '../time-machine/utc-period.ts'
import { ArchiveBlocked } from './blocked.ts'

export interface WantedOptions {
  readonly log: EventLog
  readonly now: () => Instant
  readonly requestId: () => string | undefined
  readonly logger: Logger
}

interface Asking {
  readonly principal: Principal
  /** undefined: the service itself. */
  readonly client: Client | undefined
}

/** Gives what `open` does. When that is blocked, it is recorded who wanted it, once a day for each package. */
export type NotingWanted = <Given>(asking: Asking, open: () => Promise<Given>) => Promise<Given>

/** Packages in a day; lists of malware have thousands, which nobody asks for but to fill the log. */
const perDay = { perClient: 50, withoutToken: 200, inAll: 1_000 } as const

export function createNotingWanted({ log, now, requestId, logger }: WantedOptions): NotingWanted {
  const shared = createShared({ ...perDay, period: () => dayOf(now()) })
  let noted = { day: '', packages: new Set<string>() }

  async function note(
    { packageName, versionNormalized }: ArchiveBlocked,
    { principal, client }: Asking,
  ): Promise<void> {
    const day = dayOf(now())
    if (noted.day !== day) noted = { day, packages: new Set() }
    const { packages } = noted
    if (client === undefined || packages.has(packageName)) return
    const taken = shared.take(client)
    if (taken === undefined) return
    packages.add(packageName)
    const actor = actorOf(principal)
    const who = { actor, tokenName: nameOf(principal), requestId: requestId() }
    const data = { packageName, versionNormalized, ...who }
    logger.error({ alert: 'blocked_wanted', ...data }, 'a blocked archive was asked for')
    // By an id that all nodes make, so that it is recorded once.
    const id = idOf(`${packageName} ${day}`)
    const event = { ...newEvent({ type: 'BlockedArchiveWanted', data }), id }
    try {
      await log.append({ stream: wantedStream, expected: 'any', events: [event] })
    } catch (error) {
      packages.delete(packageName)
      taken.giveBack()
      logger.warn({ err: error }, 'who wanted a blocked archive is not recorded yet')
    }
  }
  return async (asking, open) => {
    try {
      return await open()
    } catch (error) {
      if (error instanceof ArchiveBlocked) await note(error, asking)
      throw error
    }
  }
}

/** A UUID made of a text (version 8 of RFC 9562). */
function idOf(text: string): string {
  const hex = createHash('sha256').update(`blocked_wanted ${text}`).digest('hex')
  const groups = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
  ]
  return [...groups, hex.slice(20, 32)].join('-')
}
