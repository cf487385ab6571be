import type { Logger } from 'pino'
import { actorOf, may, type Principal } from '../access/principal.ts'
import { type PackageName, vendorOf } from '../composer/names.ts'
import type { EventLog } from '../events/log.ts'
import { newEvent } from '../events/new-event.ts'
import { installsPerEventMax } from '../events/private-types.ts'
import { type DomainEvent, installsStream, type NewEvent } from '../events/types.ts'
import type { Instant } from '../time-machine/instant.ts'
import type { Reserved } from './reserved.ts'

export interface Install {
  readonly packageName: PackageName
  /** As Composer compares it. */
  readonly versionNormalized: string
}

export type NoteInstalls = (installs: readonly Install[], principal: Principal) => Promise<void>

export interface InstallsOptions {
  readonly reservedVendors: Reserved['reservedVendors']
  /** Those of them that there is metadata of. */
  readonly knownAmong: (names: readonly PackageName[]) => Promise<ReadonlySet<PackageName>>
  /** Is given those of packages that aren't ours, to be told to upstream; undefined: it isn't told. */
  readonly passOn: ((installs: readonly Install[]) => void) | undefined
  readonly now: () => Instant
  readonly logger: Logger
}

/** What Composer reports as installed: who installed what, counted in memory and recorded in batches. */
export interface Installs {
  /**
   * Packages that aren't known here, or that this one may not read, are left out: anybody can make up any
   * number of names, and nobody is to learn from what becomes of them.
   */
  readonly note: NoteInstalls
  /**
   * Appends what was noted until now. Never rejects: what can't be appended is kept for the next time, within
   * limits. A crash costs what came since the last time.
   */
  readonly flush: (log: EventLog) => Promise<void>
}

type PackagesInstalled = Extract<DomainEvent, { readonly type: 'PackagesInstalled' }>['data']
type Noted = PackagesInstalled['installs'][number]

/** Of further ones, until the next batch, nothing is noted. */
const notedMax = 10_000
/** Without a database for so long that more come together, the oldest go first. */
const waitingMax = 1_000

export function createInstalls(options: InstallsOptions): Installs {
  const { reservedVendors, knownAmong, passOn, now, logger } = options
  let noted = new Map<string, Noted>()
  /** With the ids that they were first tried with: some of them may be in the log already. */
  let waiting: readonly NewEvent[] = []
  let flushed = Promise.resolve()

  function add(install: Install, actor: string): void {
    const key = `${install.packageName} ${install.versionNormalized} ${actor}`
    const count = (noted.get(key)?.count ?? 0) + 1
    if (count > 1 || noted.size < notedMax) noted.set(key, { ...install, actor, at: now(), count })
  }
  async function append(log: EventLog): Promise<void> {
    waiting = [...waiting, ...eventsOf([...noted.values()])].slice(-waitingMax)
    noted = new Map()
    const events = waiting
    if (events.length === 0) return
    try {
      await log.append({ stream: installsStream, expected: 'any', events })
      waiting = waiting.filter((event) => !events.includes(event))
    } catch (error) {
      logger.warn({ err: error, batches: events.length }, 'what was installed is not recorded yet')
    }
  }

  return {
    async note(installs, principal) {
      const { has } = await reservedVendors()
      const isOurs = ({ packageName }: Install): boolean => has(vendorOf(packageName))
      const readable = installs.filter((install) => {
        return !isOurs(install) || may(principal, 'read', vendorOf(install.packageName))
      })
      const known = await knownAmong(readable.map(({ packageName }) => packageName))
      const toNote = readable.filter(({ packageName }) => known.has(packageName))
      for (const install of toNote) add(install, actorOf(principal))
      passOn?.(toNote.filter((install) => !isOurs(install)))
    },
    async flush(log) {
      // One after the other: two at once would append the same.
      flushed = flushed.then(async () => await append(log))
      await flushed
    },
  }
}

function eventsOf(noted: readonly Noted[]): readonly NewEvent[] {
  const events = []
  for (let from = 0; from < noted.length; from += installsPerEventMax) {
    const installs = noted.slice(from, from + installsPerEventMax)
    events.push(newEvent({ type: 'PackagesInstalled', data: { installs } }))
  }
  return events
}
