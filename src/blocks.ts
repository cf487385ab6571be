import type { PackageName } from './composer/names.ts'
import type { EventLog } from './events/log.ts'
import type { DomainEvent, Position, RecordedEvent } from './events/types.ts'
import { decideOnPackage } from './package-decisions.ts'
import type { Instant } from './time-machine/instant.ts'

type VersionsBlocked = Extract<DomainEvent, { readonly type: 'VersionsBlocked' }>['data']
type VersionsUnblocked = Extract<DomainEvent, { readonly type: 'VersionsUnblocked' }>['data']

/** Versions of a package that may not be served. */
export interface Block {
  readonly package: PackageName
  readonly source: 'malware' | 'own'
  readonly constraint: string
  readonly reason: string | null
  readonly since: Instant
  /** null: upstream. */
  readonly by: string | null
}

/** See projections/version-rule.ts. */
interface KnownRule {
  readonly package_name: PackageName
  readonly list: 'malware' | 'own'
  readonly constraint: string
  readonly reason: string | null
  readonly since: Instant
  readonly actor: string | null
}

export interface BlocksOptions {
  readonly rulesOf: (packageName: PackageName) => Promise<readonly KnownRule[]>
  readonly allRules: () => Promise<readonly KnownRule[]>
  readonly log: EventLog
  /** Resolves once the read models have everything up to `position`. */
  readonly until: (position: Position) => Promise<void>
}

export interface Blocks {
  /** @returns what of the package may not be served then, lists of malware included. */
  readonly block: (request: VersionsBlocked) => Promise<readonly Block[]>
  /** Only what was blocked here; what upstream lists stays. @returns what still may not be served. */
  readonly unblock: (request: VersionsUnblocked) => Promise<readonly Block[]>
  readonly list: () => Promise<readonly Block[]>
}

/** The operator's own list. What is so already is not recorded again. */
export function createBlocks({ rulesOf, allRules, log, until }: BlocksOptions): Blocks {
  return {
    async block(request) {
      const { packageName, constraint, reason } = request
      await decideOnPackage({ log, until, packageName }, async (before) => {
        const known = blockedIn(before)
        const isSame =
          known.has(constraint) && (reason ?? known.get(constraint)) === known.get(constraint)
        return isSame ? undefined : { type: 'VersionsBlocked', data: request }
      })
      return (await rulesOf(packageName)).map(describe)
    },
    async unblock(request) {
      const { packageName, constraint } = request
      await decideOnPackage({ log, until, packageName }, async (before) => {
        const known = blockedIn(before)
        const isBlocked = constraint === undefined ? known.size > 0 : known.has(constraint)
        return isBlocked ? { type: 'VersionsUnblocked', data: request } : undefined
      })
      return (await rulesOf(packageName)).map(describe)
    },
    list: async () => (await allRules()).map(describe),
  }
}

/** The constraints that are blocked after these events of a package, each with its reason. */
function blockedIn(events: readonly RecordedEvent[]): ReadonlyMap<string, string | undefined> {
  const blocked = new Map<string, string | undefined>()
  for (const { type, data } of events) {
    if (type === 'VersionsBlocked') blocked.set(data.constraint, data.reason)
    if (type !== 'VersionsUnblocked') continue
    if (data.constraint === undefined) blocked.clear()
    else blocked.delete(data.constraint)
  }
  return blocked
}

function describe(rule: KnownRule): Block {
  const { package_name, list, constraint, reason, since, actor } = rule
  return { package: package_name, source: list, constraint, reason, since, by: actor }
}
