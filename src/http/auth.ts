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

/**
 * @param adminDigest SHA-256 of the admin token, in hex; undefined: there is none yet. Asked for each
 * time, since another node may have made it meanwhile.
 */
export function createAuthorize(adminDigest: () => Promise<string | undefined>): Authorize {
  return async (policy, headers) => {
    if (policy === 'open') return 'anonymous'
    const token = bearerToken(headers)
    if (token === undefined || !isTokenOf(token, await adminDigest())) throw unauthorized()
    return 'admin'
  }
}

/** One sentence for every reason: what was nearly right is nobody's business. */
function unauthorized(): AppError {
  return new AppError(
    'unauthorized',
    'send the header `Authorization: Bearer` with the admin token: what ADMIN_TOKEN is set to, ' +
      'or else what the first start printed',
  )
}

function bearerToken({ authorization = '' }: IncomingHttpHeaders): string | undefined {
  return /^Bearer +([\x21-\x7e]{1,512})$/i.exec(authorization)?.[1]
}

/** Digests are compared, which have one length, and in a time that doesn't tell where they differ. */
function isTokenOf(token: string, digest: string | undefined): boolean {
  if (digest === undefined) return false
  return timingSafeEqual(Buffer.from(digestOfToken(token)), Buffer.from(digest))
}
