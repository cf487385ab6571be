import type { IncomingHttpHeaders } from 'node:http'
import { msOfInstant, parseHttpDate } from '../time-machine/instant.ts'

const pauseMsMin = 1_000
/** Packagist tells clients that it blocks to come back in a year; an operator mends that sooner. */
const pauseMsMax = 3_600_000
const unnamedPauseMs = 60_000

interface AnswerHead {
  readonly status: number
  readonly headers: IncomingHttpHeaders
}

/**
 * For how long an answer asks us to stay away, from 1 s to 1 h; undefined when it doesn't. GitHub
 * says 403 when its limit is reached.
 *
 * @param nowMs since 1970.
 */
export function pauseMsOf({ status, headers }: AnswerHead, nowMs: number): number | undefined {
  const askedMs = retryAfterMs(headers['retry-after'] ?? '', nowMs) ?? limitResetMs(headers, nowMs)
  const isRateLimit =
    status === 429 ||
    (status === 403 && (askedMs !== undefined || headers['x-ratelimit-remaining'] === '0'))
  if (!isRateLimit && (status !== 503 || askedMs === undefined)) return undefined
  return Math.min(Math.max(askedMs ?? unnamedPauseMs, pauseMsMin), pauseMsMax)
}

/** GitHub says when its limit is over in seconds since 1970, and does so with each answer. */
function limitResetMs(headers: IncomingHttpHeaders, nowMs: number): number | undefined {
  const { 'x-ratelimit-remaining': remaining, 'x-ratelimit-reset': reset } = headers
  if (remaining !== '0' || typeof reset !== 'string' || !/^\d{1,12}$/.test(reset)) return undefined
  return Number(reset) * 1000 - nowMs
}

/** `Retry-After` is either a number of seconds or a date. */
function retryAfterMs(text: string, nowMs: number): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) * 1000
  const at = parseHttpDate(text)
  return at === undefined ? undefined : msOfInstant(at) - nowMs
}
