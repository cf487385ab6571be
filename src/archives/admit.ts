import type { PackageName } from '../composer/names.ts'
import { AppError } from '../errors.ts'
import type { Instant } from '../time-machine/instant.ts'
import type { ArchiveRequest } from './archive.ts'

/** What a freeze holds. */
export interface HeldArchives {
  readonly at: Instant
  readonly has: (request: ArchiveRequest) => boolean
}

export interface AdmitOptions {
  /** undefined: the package isn't frozen. */
  readonly heldArchives: (packageName: PackageName) => Promise<HeldArchives | undefined>
}

/**
 * Whether an archive may be served, kept here or not.
 *
 * @throws AppError `archive_held_back` when its package is frozen without it.
 */
export type Admit = (request: ArchiveRequest) => Promise<void>

export function createAdmit({ heldArchives }: AdmitOptions): Admit {
  return async (request) => {
    const { packageName } = request
    const held = await heldArchives(packageName)
    if (held === undefined || held.has(request)) return
    throw new AppError(
      'archive_held_back',
      `${packageName} is frozen as it was at ${held.at}, and this archive is of no version it had then`,
    )
  }
}
