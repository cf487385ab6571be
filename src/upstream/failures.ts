import type { FetchFailure } from '../events/types.ts'

/** Upstream was asked and gave no answer of use. */
export class UpstreamFailure extends Error {
  override readonly name = 'UpstreamFailure'
  readonly reason: FetchFailure

  constructor(reason: FetchFailure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/** No request was made: upstream is failing, asked for a pause, or too many are before this one. */
export class NotAsked extends Error {
  override readonly name = 'NotAsked'
  readonly retryAfterSeconds: number

  constructor(message: string, retryAfterSeconds: number) {
    super(message)
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** What there is instead of an answer. */
export type NoAnswer =
  | {
      readonly outcome: 'failed'
      readonly reason: FetchFailure
      readonly status?: number
      /** There when it was refused: which limit it is past. */
      readonly problem?: string
    }
  | { readonly outcome: 'paused'; readonly retryAfterSeconds: number }

/** What upstream does is an outcome; any other error is a bug, or ours, and is thrown on. */
export function noAnswerOf(error: unknown): NoAnswer {
  if (error instanceof UpstreamFailure) {
    const { reason, message: problem } = error
    return { outcome: 'failed', reason, ...(reason === 'too_large' && { problem }) }
  }
  if (error instanceof NotAsked) {
    return { outcome: 'paused', retryAfterSeconds: error.retryAfterSeconds }
  }
  throw error
}
