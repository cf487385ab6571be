import type { Logger } from 'pino'
import type { Client } from '../access/client.ts'
import { actorOf, may, type Principal } from '../access/principal.ts'
import { createShared } from '../access/share.ts'
import { type PackageName, vendorOf } from '../composer/names.ts'
import type { EventLog } from '../events/log.ts'
import { installsPerEventMax } from '../events/private-types.ts'
import { type DomainEvent, installsStream } from '../events/types.ts'
import { createWaitingEvents } from '../events/waiting-events.ts'
import { addSeconds, type Instant } from '../time-machine/instant.ts'
import { dayOf } from '../time-machine/utc-period.ts'
import type { Reserved } from './reserved.ts'

export interface Install {
  readonly packageName: PackageName
  /** As Composer compares it. */
  readonly versionNormalized: string
}

/** Who reports them. */
export interface Reporter {
  readonly principal: Principal
  readonly client: Client
}

export type NoteInstalls = (installs: readonly Install[], reporter: Reporter) => Promise<void>

export interface InstallsOptions {
  readonly reservedNames: Reserved['reservedNames']
  /** Those of them that metadata or a publication ever named, withdrawn and blocked ones included. */
  readonly namedAmong: (installs: readonly Install[]) => Promise<readonly Install[]>
  /** Is given those of packages that aren't ours, to be told to upstream; undefined: it isn't told. */
  readonly passOn: ((installs: readonly Install[]) => void) | undefined
  readonly now: () => Instant
  readonly logger: Logger
}

/** What Composer reports as installed: who installed what, counted in memory and recorded in batches. */
export interface Installs {
  /**
   * Versions that nothing ever named, or of packages that this one may not read, are left out: anybody can make
   * up any number of them, and nobody is to learn from what becomes of them. So is what goes beyond the client's
   * share of the day.
   */
  readonly note: NoteInstalls
  /**
   * Appends what was noted until now, unless the same was recorded within the hour; all of it when it is the last
   * time. Never rejects: what can't be appended is kept for the next time, within limits. A crash costs what came
   * since.
   */
  readonly flush: (log: EventLog, isLast?: boolean) => Promise<void>
  /** When the first was reported of those that this node was told of and that aren't recorded; undefined: all are. */
  readonly unrecordedSince: () => Instant | undefined
}

type PackagesInstalled = Extract<DomainEvent, { readonly type: 'PackagesInstalled' }>['data']
type Noted = PackagesInstalled['installs'][number]

/** Of further ones, until the next batch, nothing is noted … */
const notedMax = 10_000
/** … and of clients without a token no more than these, of each one no more than it leaves to the others. */
const notedWithoutTokenMax = notedMax / 2
/** With as many, what was recorded within the hour doesn't wait. One client alone can't have more noted. */
const waitingForTheHourMax = notedMax / 4
const recordedEverySeconds = 3600
/** Of batches. Without a database for so long that more come together, the oldest go first. */
const waitingMax = 1_000

/** What one client may have recorded in a day: a project of 500 packages that is installed all day takes 12,000. */
const perClient = 20_000
/** All clients without a token together: 150 bytes each, so 15 MB a day. */
const withoutToken = 100_000
const inAll = 1_000_000

export function createInstalls(options: InstallsOptions): Installs {
  const { reservedNames, namedAmong, passOn, now, logger } = options
  const noted = new Map<string, Noted & { readonly since: Instant }>()
  /** Of what was taken out of there and may not be in the log. */
  let takenSince: Instant | undefined
  const withoutTokenNoted = createNotedByClient()
  let recordedAt: ReadonlyMap<string, Instant> = new Map()
  const what = 'what was installed'
  const waiting = createWaitingEvents({ stream: installsStream, max: waitingMax, what, logger })
  const shared = createShared({ perClient, inAll, withoutToken, period: () => dayOf(now()) })

  function mayNote({ client }: Reporter): boolean {
    const isFull = !client.hasToken && withoutTokenNoted.isFullFor(client)
    return noted.size < notedMax && !isFull && shared.take(client) !== undefined
  }
  function add(install: Install, reporter: Reporter): void {
    const actor = actorOf(reporter.principal)
    const key = keyOf({ ...install, actor })
    const before = noted.get(key)
    if (before === undefined) {
      if (!mayNote(reporter)) return
      if (!reporter.client.hasToken) withoutTokenNoted.add(key, reporter.client)
    }
    const at = now()
    const { since = at, count = 0 } = before ?? {}
    noted.set(key, { ...install, actor, at, since, count: count + 1 })
  }

  /** Takes out of what is noted what is to be recorded now. */
  function take(isLast: boolean): readonly Noted[] {
    const since = addSeconds(now(), -recordedEverySeconds)
    const lately = new Map([...recordedAt].filter(([, at]) => at > since))
    const isForAll = isLast || noted.size >= waitingForTheHourMax
    const due = [...noted].filter(([key]) => isForAll || !lately.has(key))
    for (const [key] of due) {
      noted.delete(key)
      withoutTokenNoted.remove(key)
      if (!isForAll) lately.set(key, now())
    }
    recordedAt = lately
    takenSince = earliestOf([takenSince, ...due.map(([, { since: first }]) => first)])
    return due.map(([, each]) => each)
  }

  return {
    async note(installs, reporter) {
      const { principal } = reporter
      const { has } = await reservedNames()
      const isOurs = ({ packageName }: Install): boolean => has(packageName)
      const readable = installs.filter((install) => {
        return !isOurs(install) || may(principal, 'read', vendorOf(install.packageName))
      })
      const toNote = await namedAmong(readable)
      for (const install of toNote) add(install, reporter)
      passOn?.(toNote.filter((install) => !isOurs(install)))
    },
    async flush(log, isLast = false) {
      for (const event of eventsOf(take(isLast))) waiting.add(event)
      await waiting.flush(log)
      if (waiting.isEmpty()) takenSince = undefined
    },
    unrecordedSince: () =>
      earliestOf([takenSince, ...[...noted.values()].map(({ since }) => since)]),
  }
}

function* eventsOf(installs: readonly Noted[]): Generator<DomainEvent> {
  for (let from = 0; from < installs.length; from += installsPerEventMax) {
    const part = installs.slice(from, from + installsPerEventMax)
    yield { type: 'PackagesInstalled', data: { installs: part } }
  }
}

/** undefined: there is none. */
function earliestOf(instants: readonly (Instant | undefined)[]): Instant | undefined {
  return instants
    .filter((instant) => instant !== undefined)
    .reduce<Instant | undefined>(
      (earliest, each) => (earliest === undefined || each < earliest ? each : earliest),
      undefined,
    )
}

/** Which of what is noted was reported first by which client without a token; those that can't be told apart are one. */
function createNotedByClient() {
  const clients = new Map<string, string>()
  const counts = new Map<string, number>()
  function change(client: string, by: 1 | -1): void {
    const count = (counts.get(client) ?? 0) + by
    if (count === 0) counts.delete(client)
    else counts.set(client, count)
  }
  return {
    isFullFor: ({ key = '' }: Client): boolean =>
      (counts.get(key) ?? 0) >= notedWithoutTokenMax - clients.size,
    add(noted: string, { key = '' }: Client): void {
      clients.set(noted, key)
      change(key, 1)
    },
    remove(noted: string): void {
      const client = clients.get(noted)
      if (client === undefined) return
      clients.delete(noted)
      change(client, -1)
    },
  }
}

function keyOf({ packageName, versionNormalized, actor }: Omit<Noted, 'at' | 'count'>): string {
  return `${packageName} ${versionNormalized} ${actor}`
}
