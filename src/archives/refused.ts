import { LRUCache } from 'lru-cache'
import { AppError } from '../errors.ts'
import { type Instant, msOfInstant } from '../time-machine/instant.ts'

/** What upstream has lately been asked for to no avail, so that it isn't asked again at once. */
export interface RefusedArchives {
  readonly add: (key: string, error: unknown, isUnnamed: boolean) => void
  readonly has: (key: string) => boolean
  /** @throws AppError the same as then, as long as it is believed. */
  readonly refuse: (key: string) => void
}

/** How long what came of asking upstream is believed. */
const missingMs = 60_000
/** Of a commit that no metadata names: it is made up, or was removed from its branch. */
const unnamedMs = 600_000
/** Upstream may be well again. */
const failedMs = 5_000
/** Some 300 bytes each; one that is forgotten costs a request. */
const refusedMax = 10_000

interface Refused {
  readonly error: AppError
  readonly atMs: number
  readonly believedMs: number
}

export function createRefusedArchives(now: () => Instant): RefusedArchives {
  const refused = new LRUCache<string, Refused>({ max: refusedMax })
  function recall(key: string): AppError | undefined {
    const known = refused.get(key)
    if (known === undefined) return undefined
    return Math.abs(msOfInstant(now()) - known.atMs) < known.believedMs ? known.error : undefined
  }
  return {
    has: (key) => recall(key) !== undefined,
    add(key, error, isUnnamed) {
      const believedMs = error instanceof AppError ? believedMsOf(error, isUnnamed) : 0
      if (!(error instanceof AppError) || believedMs === 0) return
      refused.set(key, { error, atMs: msOfInstant(now()), believedMs })
    },
    refuse(key) {
      const error = recall(key)
      if (error === undefined) return
      const { code, message, retryAfterSeconds } = error
      throw new AppError(
        code,
        message,
        retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
      )
    },
  }
}

function believedMsOf({ code, retryAfterSeconds }: AppError, isUnnamed: boolean): number {
  if (code === 'archive_not_found') return isUnnamed ? unnamedMs : missingMs
  // With a time to come again, upstream wasn't asked. For archives that metadata names, its breaker is enough.
  const isAsked = code === 'upstream_unavailable' && retryAfterSeconds === undefined
  return isAsked && isUnnamed ? failedMs : 0
}
