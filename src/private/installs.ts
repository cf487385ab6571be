import type { Logger } from 'pino'
import { actorOf, may, type Principal } from '../access/principal.ts'
import { type PackageName, vendorOf } from '../composer/names.ts'
import type { EventLog } from '../events/log.ts'
import { installsPerEventMax } from '../events/private-types.ts'
import { type DomainEvent, installsStream } from '../events/types.ts'
import { createWaitingEvents } from '../events/waiting-events.ts'
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
  const what = 'what was installed'
  const waiting = createWaitingEvents({ stream: installsStream, max: waitingMax, what, logger })

  function add(install: Install, actor: string): void {
    const key = `${install.packageName} ${install.versionNormalized} ${actor}`
    const count = (noted.get(key)?.count ?? 0) + 1
    if (count > 1 || noted.size < notedMax) noted.set(key, { ...install, actor, at: now(), count })
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
      const installs = [...noted.values()]
      noted = new Map()
      for (let from = 0; from < installs.length; from += installsPerEventMax) {
        const part = installs.slice(from, from + installsPerEventMax)
        waiting.add({ type: 'PackagesInstalled', data: { installs: part } })
      }
      await waiting.flush(log)
    },
  }
}
