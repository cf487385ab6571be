import type { FetchCause, FetchFailure } from '../events/types.ts'
import { hostOf, reasonOf, type Why } from './causes.ts'

/** Upstream was asked and gave no answer of use. */
export class UpstreamFailure extends Error {
  override readonly name = 'UpstreamFailure'
  readonly reason: FetchFailure
  readonly why: FetchCause
  /** That was asked. */
  readonly host: string | undefined

  /** @param message for the log of errors alone. */
  constructor(
    why: FetchCause,
    message: string,
    { host, ...options }: ErrorOptions & { readonly host?: string } = {},
  ) {
    super(message, options)
    this.why = why
    this.reason = reasonOf(why)
    this.host = host
  }
}

/** No request was made: upstream is failing, asked for a pause, or too many are before this one. */
export class NotAsked extends Error {
  override readonly name = 'NotAsked'
  readonly retryAfterSeconds: number
  /** Why it is given a pause; undefined: it isn't. */
  readonly why: Why | undefined

  constructor(message: string, retryAfterSeconds: number, why?: Why) {
    super(message)
    this.retryAfterSeconds = retryAfterSeconds
    this.why = why
  }
}

/** What there is instead of an answer. */
export type NoAnswer =
  | {
      readonly outcome: 'failed'
      readonly reason: FetchFailure
      readonly status?: number
      readonly why: Why
      /** There when it was refused: which limit it is past. */
      readonly problem?: string
    }
  | {
      readonly outcome: 'paused'
      readonly retryAfterSeconds: number
      /** What upstream did last; undefined: it isn't that which keeps it from being asked. */
      readonly why?: Why
    }

/**
 * What upstream does is an outcome; any other error is a bug, or ours, and is thrown on.
 *
 * @param url that was to be asked.
 */
export function noAnswerOf(error: unknown, url: string): NoAnswer {
  if (error instanceof UpstreamFailure) {
    const { reason, message: problem, why: cause, host = hostOf(url) } = error
    const why = { cause, host }
    return { outcome: 'failed', reason, why, ...(reason === 'too_large' && { problem }) }
  }
  if (error instanceof NotAsked) {
    const { retryAfterSeconds, why } = error
    return { outcome: 'paused', retryAfterSeconds, ...(why !== undefined && { why }) }
  }
  throw error
}
