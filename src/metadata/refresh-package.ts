import { documentName, type PackageName } from '../composer/names.ts'
import { AppError } from '../errors.ts'
import type { CurrentDocument } from './current.ts'

/**
 * Brings both documents of a package up to date. It may have tags and no document of branches, the other
 * way round, or neither.
 *
 * @throws AppError `upstream_unavailable` when nothing is known of one and upstream doesn't answer.
 */
export type RefreshPackage = (packageName: PackageName) => Promise<void>

export function createRefreshPackage(current: CurrentDocument): RefreshPackage {
  return async (packageName) => {
    for (const kind of ['tags', 'branches'] as const) {
      try {
        await current(documentName(packageName, kind))
      } catch (error) {
        if (!(error instanceof AppError && error.code === 'package_not_found')) throw error
      }
    }
  }
}
