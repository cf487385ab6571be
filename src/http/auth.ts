import { timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { digestOfToken } from '../admin-token.ts'
import { AppError } from '../errors.ts'
import type { Actor, Policy } from './route.ts'

/**
 * Who sends these headers, when that one may do what the policy is for.
 *
 * @throws AppError `unauthorized`
 */
export type Authorize = (policy: Policy, headers: IncomingHttpHeaders) => Promise<Actor>

/** Digests are SHA-256 in hex. */
export interface AuthorizeOptions {
  /**
   * Of the admin token; undefined: there is none yet. Asked for each time, since another node may have
   * made it meanwhile.
   */
  readonly adminDigest: () => Promise<string | undefined>
  /** undefined: metrics are for all. */
  readonly metricsDigest: string | undefined
  readonly onRefused: () => void
}

export function createAuthorize(options: AuthorizeOptions): Authorize {
  const { adminDigest, metricsDigest, onRefused } = options
  return async (policy, headers) => {
    if (policy === 'open') return 'anonymous'
    if (policy === 'metrics' && metricsDigest === undefined) return 'anonymous'
    const token = bearerToken(headers)
    if (token !== undefined) {
      if (policy === 'metrics' && isTokenOf(token, metricsDigest)) return 'metrics'
      if (isTokenOf(token, await adminDigest())) return 'admin'
    }
    onRefused()
    throw unauthorized(policy)
  }
}

/** One sentence for every reason: what was nearly right is nobody's business. */
function unauthorized(policy: Exclude<Policy, 'open'>): AppError {
  const token =
    policy === 'metrics'
      ? 'METRICS_TOKEN or the admin token'
      : 'the admin token: what ADMIN_TOKEN is set to, or else what the first start printed'
  return new AppError('unauthorized', `send the header \`Authorization: Bearer\` with ${token}`)
}

function bearerToken({ authorization = '' }: IncomingHttpHeaders): string | undefined {
  return /^Bearer +([\x21-\x7e]{1,512})$/i.exec(authorization)?.[1]
}

/** Digests are compared, which have one length, and in a time that doesn't tell where they differ. */
function isTokenOf(token: string, digest: string | undefined): boolean {
  if (digest === undefined) return false
  return timingSafeEqual(Buffer.from(digestOfToken(token)), Buffer.from(digest))
}
