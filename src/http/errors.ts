import { AppError, type ErrorCode } from '../errors.ts'
import type { Answer, Route } from './route.ts'

interface ErrorAnswer {
  readonly status: number
  readonly title: string
  readonly retryAfterSeconds?: number
}

// To Composer, 404 means "ask the next repository", so it is for what upstream itself doesn't have (and
// for archives that we won't fetch, where Composer goes on to the origin); 5xx means "try again".
const answers: Readonly<Record<ErrorCode, ErrorAnswer>> = {
  invalid_request: { status: 400, title: 'Invalid request' },
  invalid_instant: { status: 400, title: 'Invalid instant' },
  route_not_found: { status: 404, title: 'Nothing is here' },
  package_not_found: { status: 404, title: 'Package not found' },
  not_known_then: { status: 404, title: 'Package not known at that time' },
  archive_not_found: { status: 404, title: 'Archive not found' },
  archive_refused: { status: 404, title: 'Archive not offered here' },
  archive_invalid: { status: 502, title: 'Upstream sent a bad archive' },
  too_large: { status: 413, title: 'Request body too large' },
  upstream_unavailable: { status: 503, title: 'Upstream is unavailable', retryAfterSeconds: 30 },
  database_unavailable: { status: 503, title: 'Database is unavailable', retryAfterSeconds: 5 },
  still_catching_up: { status: 503, title: 'Still catching up', retryAfterSeconds: 5 },
}

/** Writes an error for whom asked: Composer prints `warning`, others read problem details (RFC 9457). */
export function answerError(error: unknown, surface: Route['surface']): Answer {
  const { code, status, title, detail, retryAfterSeconds } = explain(error)
  const [type, body] =
    surface === 'composer'
      ? ['application/json', { warning: detail }]
      : ['application/problem+json', { type: `/problems/${code}`, title, status, code, detail }]
  return {
    status,
    headers: {
      'Content-Type': type,
      'Cache-Control': 'no-store',
      ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) }),
    },
    body: Buffer.from(JSON.stringify(body)),
  }
}

function explain(error: unknown): ErrorAnswer & { readonly code: string; readonly detail: string } {
  if (error instanceof AppError) {
    const { code, message, retryAfterSeconds } = error
    const answer = { ...answers[code], code, detail: message }
    return retryAfterSeconds === undefined ? answer : { ...answer, retryAfterSeconds }
  }
  return {
    status: 500,
    title: 'Internal error',
    code: 'internal',
    detail: 'Internal error in Almanac',
  }
}
