import { z } from 'zod'
import { AppError, type ErrorCode } from '../errors.ts'
import type { Answer, Route } from './route.ts'

/** For whom an error is written, and which request it ends. */
export interface Asker {
  readonly surface: Route['surface']
  readonly requestId: string
}

interface ErrorAnswer {
  readonly status: number
  readonly title: string
  readonly retryAfterSeconds?: number
  readonly headers?: Readonly<Record<string, string>>
}

// To Composer, 404 means "ask the next repository", so it is for what upstream itself doesn't have (and
// for archives that we won't fetch, where Composer goes on to the origin); 5xx means "try again".
const answers: Readonly<Record<ErrorCode, ErrorAnswer>> = {
  invalid_request: { status: 400, title: 'Invalid request' },
  invalid_instant: { status: 400, title: 'Invalid instant' },
  unauthorized: { status: 401, title: 'A token is needed', headers: { Vary: 'Authorization' } },
  forbidden: {
    status: 403,
    title: 'Not allowed with this token',
    headers: { Vary: 'Authorization' },
  },
  cross_site: {
    status: 403,
    title: 'Sent by another site',
    headers: { Vary: 'Origin, Sec-Fetch-Site' },
  },
  route_not_found: { status: 404, title: 'Nothing is here' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  package_not_found: { status: 404, title: 'Package not found' },
  package_reserved: { status: 409, title: 'A package of our own' },
  version_not_found: { status: 404, title: 'Version not found' },
  package_invalid: { status: 422, title: 'Not a package that can be published' },
  version_exists: { status: 409, title: 'Version already published' },
  vendor_is_public: { status: 409, title: 'Vendor of public packages' },
  vendor_reserved: { status: 409, title: 'Vendor reserved by the settings' },
  not_known_then: { status: 404, title: 'Package not known at that time' },
  archive_not_found: { status: 404, title: 'Archive not found' },
  alert_not_found: { status: 404, title: 'Alert not found' },
  token_not_found: { status: 404, title: 'Token not found' },
  token_not_rotatable: { status: 409, title: 'Token can not be rotated' },
  archive_refused: { status: 404, title: 'Archive not offered here' },
  archive_blocked: { status: 410, title: 'Archive of a blocked version' },
  archive_held_back: { status: 404, title: 'Archive of a frozen package' },
  archive_invalid: { status: 502, title: 'Upstream sent a bad archive' },
  archive_not_here: { status: 404, title: 'Archive to be had at its origin, perhaps' },
  archive_unavailable: { status: 424, title: 'Archive not to be had from its origin now' },
  archive_lost: { status: 503, title: 'Archive is damaged' },
  allowance_used_up: { status: 503, title: 'Asked for too much', retryAfterSeconds: 5 },
  no_connection_left: { status: 503, title: 'Too many connections', retryAfterSeconds: 5 },
  too_large: { status: 413, title: 'Request body too large' },
  upload_broke_off: { status: 408, title: 'Upload broke off' },
  no_room: { status: 507, title: 'No room to store it' },
  unsupported_media_type: { status: 415, title: 'Not in a form that is read here' },
  upstream_unavailable: { status: 503, title: 'Upstream is unavailable', retryAfterSeconds: 30 },
  database_unavailable: { status: 503, title: 'Database is unavailable', retryAfterSeconds: 5 },
  still_catching_up: { status: 503, title: 'Still catching up', retryAfterSeconds: 5 },
}

/**
 * What Composer is told of nothing at all: each run asks for names that no repository has (virtual packages), or only
 * a later one, so a warning would be printed in every run and nobody could act on it.
 */
const unknownNames: ReadonlySet<string> = new Set<ErrorCode>([
  'package_not_found',
  'not_known_then',
])

/**
 * Writes an error for whom asked: Composer prints `warning`, others read problem details (RFC 9457). Composer isn't told
 * when to come again: from 2.11 on it would keep the whole server waiting for that long, and again for each try.
 */
export function answerError(error: unknown, { surface, requestId }: Asker): Answer {
  const { code, status, title, detail, retryAfterSeconds, headers } = explain(error)
  const forComposer = unknownNames.has(code)
    ? { status: 'error', message: detail }
    : { warning: detail }
  const problem = { type: `/problems/${code}`, title, status, code, detail, instance: requestId }
  const [type, body] =
    surface === 'composer'
      ? ['application/json', forComposer]
      : ['application/problem+json', problem]
  return {
    status,
    headers: {
      'Content-Type': type,
      'Cache-Control': 'no-store',
      ...headers,
      ...(status === 401 ? { 'WWW-Authenticate': `${schemes[surface]} realm="almanac"` } : {}),
      ...(retryAfterSeconds === undefined || surface === 'composer'
        ? {}
        : { 'Retry-After': String(retryAfterSeconds) }),
    },
    body: Buffer.from(JSON.stringify(body)),
  }
}

/** Both are taken everywhere; Composer asks its user for a password only when it reads `Basic`. */
const schemes = { composer: 'Basic', api: 'Bearer' } as const

/** What openapi.json says of the answers above. */
export const Problem = z
  .object({
    type: z
      .string()
      .describe('Where a text says what this kind of problem is: `/problems/{code}`.'),
    title: z.string(),
    status: z.int(),
    code: z.string().describe('Stays the same in every release.'),
    detail: z.string().describe('What is wrong with this request and what to do.'),
    instance: z.string().describe('The id of the request, as in `X-Request-Id` and in the log.'),
  })
  .describe('Problem details as in RFC 9457.')

/** Of an error that is expected: its status and what that is called. */
export function statusOf(code: ErrorCode): { readonly status: number; readonly title: string } {
  const { status, title } = answers[code]
  return { status, title }
}

export type ProblemCode = ErrorCode | 'internal'

const internal = { status: 500, title: 'Internal error' } as const

/** The same, of any problem. */
export function problemNamed(code: ProblemCode): ReturnType<typeof statusOf> {
  return code === 'internal' ? internal : statusOf(code)
}

function explain(error: unknown): ErrorAnswer & { readonly code: string; readonly detail: string } {
  if (error instanceof AppError) {
    const { code, message, retryAfterSeconds } = error
    const answer = { ...answers[code], code, detail: message }
    return retryAfterSeconds === undefined ? answer : { ...answer, retryAfterSeconds }
  }
  return { ...internal, code: 'internal', detail: 'Internal error in Almanac' }
}
