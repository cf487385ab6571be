import { AppError } from '../errors.ts'
import type { OpenArchive } from './read-through.ts'

/**
 * Says of what can't be had now a status that Composer doesn't ask again for: of a 503 it asks 16 times, and waits in
 * between with all else. With PROXY_DIST_MODE=mirror it is 404, after which it goes to the origin; otherwise there is
 * nowhere to go, and 424 doesn't claim that there is no such archive.
 *
 * @throws AppError `archive_not_here` or `archive_unavailable` in the place of `upstream_unavailable`.
 */
export function askedOnce(open: OpenArchive, distMode: 'mirror' | 'rewrite'): OpenArchive {
  const code = distMode === 'mirror' ? 'archive_not_here' : 'archive_unavailable'
  return async (request, note) => {
    try {
      return await open(request, note)
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'upstream_unavailable') throw error
      throw new AppError(code, error.message, { cause: error })
    }
  }
}
