import type { Client } from '../access/client.ts'
import type { PackageName } from '../composer/names.ts'
import { blockedAmong, type VersionRule } from '../composer/version-rules.ts'
import { AppError } from '../errors.ts'
import type { Instant } from '../time-machine/instant.ts'
import type { ArchiveRequest } from './archive.ts'
import { ArchiveBlocked } from './blocked.ts'

/** What a freeze holds. */
export interface HeldArchives {
  readonly at: Instant
  readonly has: (request: ArchiveRequest) => boolean
  readonly sha1Of: (request: ArchiveRequest) => string | undefined
}

/** What is laid over a package now. */
export interface LaidOver {
  readonly rules: readonly VersionRule[]
  /** undefined: it isn't frozen. */
  readonly heldArchives: (() => Promise<HeldArchives>) | undefined
}

export interface AdmitOptions {
  readonly laidOver: (packageName: PackageName) => Promise<LaidOver>
  /**
   * The versions, normalized, that an archive is of: the one that is asked for, when metadata ever named it
   * with this reference; else all that ever had this name or this reference.
   */
  readonly versionsOf: (
    request: ArchiveRequest,
  ) => Promise<{ readonly isNamed: boolean; readonly versions: readonly string[] }>
  readonly refreshPackage: RefreshPackage
}

/** Brings a package's metadata up to date, at the client's expense when it isn't known yet. */
export type RefreshPackage = (
  packageName: PackageName,
  asking: { readonly client: Client | undefined },
) => Promise<void>

/**
 * Whether an archive may be served, kept here or not.
 *
 * @throws AppError `archive_blocked` when its version may not be, `archive_held_back` when its package is
 * frozen without it; `upstream_unavailable` when that can't be known without upstream.
 */
export type Admit = (request: ArchiveRequest) => Promise<Admitted>

export interface Admitted {
  /** Of the bytes that it had when its package was frozen, where they are named. */
  readonly heldSha1: string | undefined
}

export function createAdmit(options: AdmitOptions): Admit {
  return async (request) => {
    const { packageName } = request
    const { rules, heldArchives } = await options.laidOver(packageName)
    if (rules.length > 0) await refuseBlocked(request, rules, options)
    const held = await heldArchives?.()
    if (held === undefined) return { heldSha1: undefined }
    if (held.has(request)) return { heldSha1: held.sha1Of(request) }
    throw new AppError(
      'archive_held_back',
      `${packageName} is frozen as it was at ${held.at}, and this archive is of no version it had then`,
    )
  }
}

async function refuseBlocked(
  request: ArchiveRequest,
  rules: readonly VersionRule[],
  { versionsOf, refreshPackage }: AdmitOptions,
): Promise<void> {
  const { packageName, client } = request
  let { isNamed, versions } = await versionsOf(request)
  if (!isNamed) {
    // An install from a lock file asks for archives without ever asking for metadata.
    await refreshPackage(packageName, { client })
    ;({ isNamed, versions } = await versionsOf(request))
  }
  const blocked = blockedAmong(versions, rules)
  if (blocked !== undefined) throw new ArchiveBlocked(packageName, blocked)
}
