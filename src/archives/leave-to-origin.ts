import { AppError } from '../errors.ts'
import type { OpenArchive } from './read-through.ts'

/**
 * Says 404 of what can't be had now, for Composer to go on to the origin at once, which it knows in
 * PROXY_DIST_MODE=mirror: of a 503 it asks again and again first, and 2.11 for minutes.
 *
 * @throws AppError `archive_not_here` in the place of `upstream_unavailable`.
 */
export function leavingToOrigin(open: OpenArchive): OpenArchive {
  return async (request, note) => {
    try {
      return await open(request, note)
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'upstream_unavailable') throw error
      throw new AppError('archive_not_here', error.message, { cause: error })
    }
  }
}
