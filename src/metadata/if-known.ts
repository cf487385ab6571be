import { AppError } from '../errors.ts'

/**
 * For what there is an answer without upstream's part in it: undefined while nothing of that is known here and upstream
 * doesn't answer. That is recorded and logged where upstream is asked.
 */
export async function ifKnown<Known>(ask: () => Promise<Known>): Promise<Known | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof AppError && error.code === 'upstream_unavailable') return undefined
    throw error
  }
}
