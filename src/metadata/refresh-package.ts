import { documentName, type PackageName } from '../composer/names.ts'
import { AppError } from '../errors.ts'
import type { Asking } from './asking.ts'
import type { CurrentDocument } from './current.ts'

/**
 * Brings both documents of a package up to date. It may have tags and no document of branches, the other
 * way round, or neither.
 *
 * @throws AppError as CurrentDocument does, but for `package_not_found`.
 */
export type RefreshPackage = (
  packageName: PackageName,
  asking?: Omit<Asking, 'note'>,
) => Promise<void>

export function createRefreshPackage(current: CurrentDocument): RefreshPackage {
  return async (packageName, asking) => {
    for (const kind of ['tags', 'branches'] as const) {
      try {
        await current(documentName(packageName, kind), asking)
      } catch (error) {
        if (!(error instanceof AppError && error.code === 'package_not_found')) throw error
      }
    }
  }
}
