import { documentName, type DocumentName, type PackageName } from './composer/names.ts'
import { AppError } from './errors.ts'
import type { EventLog } from './events/log.ts'
import { type DomainEvent, type Position, type RecordedEvent } from './events/types.ts'
import type { Basis } from './metadata/as-of.ts'
import { refuseFuture } from './metadata/basis.ts'
import type { NamedVersions } from './metadata/decide.ts'
import { basisOfFreeze, type Freeze } from './metadata/overlay.ts'
import type { RefreshPackage } from './metadata/refresh-package.ts'
import { decideOnPackage } from './package-decisions.ts'
import type { IsReserved } from './private/reserved.ts'
import type { Instant } from './time-machine/instant.ts'

type PackageFrozen = Extract<DomainEvent, { readonly type: 'PackageFrozen' }>['data']
type Written = Pick<PackageFrozen, 'packageName' | 'actor' | 'requestId' | 'reason'>

/** What upstream has now and a freeze keeps from being served. */
export interface HeldBack {
  /** Those that are not served at all. */
  readonly versions: readonly string[]
  /** Those that are served with another commit; null: with none. */
  readonly moved: readonly {
    readonly version: string
    readonly served: string | null
    readonly upstream: string | null
  }[]
}

/** A freeze that is in force. */
export interface FrozenPackage {
  readonly package: PackageName
  /** The package is served as it was then … */
  readonly at: Instant
  /** … since then. */
  readonly since: Instant
  readonly by: string
  readonly reason: string | null
  /** The versions that are served. */
  readonly holds: readonly string[]
  readonly heldBack: HeldBack
}

/** See projections/freeze.ts. */
interface KnownFreeze extends Freeze {
  readonly package_name: PackageName
  readonly frozen_at: Instant
  readonly actor: string
  readonly reason: string | null
}

export interface FreezesOptions {
  readonly refreshPackage: RefreshPackage
  readonly isReserved: IsReserved
  /** The versions that a document had as of a basis; undefined: upstream had no such document. */
  readonly versionsAsOf: (
    document: DocumentName,
    basis: Basis,
  ) => Promise<NamedVersions | undefined>
  /** Those that upstream has, as far as is known. */
  readonly versionsNow: (document: DocumentName) => Promise<NamedVersions>
  /** All that are in force. */
  readonly frozen: () => Promise<readonly KnownFreeze[]>
  readonly log: EventLog
  /** Resolves once the read models have everything up to `position`. */
  readonly until: (position: Position) => Promise<void>
  readonly now: () => Instant
}

export interface Freezes {
  /**
   * Has a package served as it was at an instant; without one, as it is now.
   *
   * @throws AppError `invalid_instant` for what is yet to come, `package_not_found` when upstream had no
   * such package then, `package_reserved` when upstream isn't asked about it, `upstream_unavailable` when nothing is known of it and upstream doesn't answer.
   */
  readonly freeze: (request: Written & Pick<PackageFrozen, 'at'>) => Promise<FrozenPackage>
  readonly unfreeze: (request: Written) => Promise<void>
  readonly list: () => Promise<readonly FrozenPackage[]>
}

/** What is so already is not recorded again. */
export function createFreezes(options: FreezesOptions): Freezes {
  const { refreshPackage, isReserved, frozen, log, until, now } = options
  return {
    async freeze({ at: asked, ...written }) {
      const { packageName } = written
      if (await isReserved(packageName)) {
        const message = `${packageName} is yours alone: it changes only when somebody publishes`
        throw new AppError('package_reserved', message)
      }
      refuseFuture(asked ?? now(), now())
      const at = asked === undefined || asked >= now() ? undefined : asked
      const events = await decideOnPackage({ log, until, packageName }, async (before) => {
        const held = freezeIn(before)
        if (held !== undefined && (at === undefined || held.at === at)) return undefined
        await refreshPackage(packageName, { isForThePast: true })
        await refuseWithoutPackage(packageName, at ?? now(), options)
        return { type: 'PackageFrozen', data: { ...written, at } }
      })
      const held = freezeIn(events)
      if (held === undefined) throw new Error(`${packageName} was frozen and is not`)
      return await describe(held, options)
    },
    async unfreeze(written) {
      const { packageName } = written
      await decideOnPackage({ log, until, packageName }, async (before) => {
        if (freezeIn(before) === undefined) return undefined
        return { type: 'PackageUnfrozen', data: written }
      })
    },
    async list() {
      return await Promise.all((await frozen()).map(async (held) => await describe(held, options)))
    },
  }
}

/** The freeze that is in force after these events of a package. */
function freezeIn(events: readonly RecordedEvent[]): KnownFreeze | undefined {
  const last = events.findLast(({ type }) => type === 'PackageFrozen' || type === 'PackageUnfrozen')
  if (last?.type !== 'PackageFrozen') return undefined
  const { data, position, recordedAt } = last
  return {
    package_name: data.packageName,
    position,
    at: data.at ?? recordedAt,
    frozen_at: recordedAt,
    actor: data.actor,
    reason: data.reason ?? null,
    unfrozen_position: null,
  }
}

const kinds = ['tags', 'branches'] as const

async function refuseWithoutPackage(
  packageName: PackageName,
  at: Instant,
  { log, versionsAsOf }: FreezesOptions,
): Promise<void> {
  const basis = { at, position: await log.positionAt(at), settled: true }
  for (const kind of kinds) {
    if ((await versionsAsOf(documentName(packageName, kind), basis)) !== undefined) return
  }
  const message = `upstream had no ${packageName} at ${at}, so there is nothing to freeze`
  throw new AppError('package_not_found', message)
}

async function describe(held: KnownFreeze, options: FreezesOptions): Promise<FrozenPackage> {
  return {
    package: held.package_name,
    at: held.at,
    since: held.frozen_at,
    by: held.actor,
    reason: held.reason,
    ...(await versionsWith(held, options)),
  }
}

async function versionsWith(
  held: KnownFreeze,
  { log, versionsAsOf, versionsNow }: FreezesOptions,
): Promise<Pick<FrozenPackage, 'holds' | 'heldBack'>> {
  const basis = await basisOfFreeze(held, log.positionAt)
  const holds: string[] = []
  const versions: string[] = []
  const moved: HeldBack['moved'][number][] = []
  for (const kind of kinds) {
    const document = documentName(held.package_name, kind)
    const served: NamedVersions = (await versionsAsOf(document, basis)) ?? new Map()
    holds.push(...served.keys())
    for (const [version, upstream = null] of await versionsNow(document)) {
      const own = served.get(version) ?? null
      if (!served.has(version)) versions.push(version)
      else if (own !== upstream) moved.push({ version, served: own, upstream })
    }
  }
  return { holds, heldBack: { versions, moved } }
}
