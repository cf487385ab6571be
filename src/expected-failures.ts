import { BlobLost } from './archives/blobs.ts'
import { DocumentUnreadable } from './composer/document.ts'
import { isPassing } from './database/errors.ts'
import { AppError } from './errors.ts'

/** What happens now and then below the routes, as what a client is told of it; anything else is a bug, and stays as it is. */
export function asExpectedFailure(error: unknown): unknown {
  if (error instanceof BlobLost) {
    const message = 'the archive went away while it was sent; ask for it again'
    return new AppError('database_unavailable', message, { cause: error })
  }
  if (error instanceof DocumentUnreadable) {
    const message = `what is recorded of this document is past a limit: ${error.message}`
    return new AppError('upstream_unavailable', message, { cause: error })
  }
  if (!isPassing(error)) return error
  const message = 'the database does not answer; try again shortly'
  return new AppError('database_unavailable', message, { cause: error })
}
