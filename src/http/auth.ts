import { timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { anonymous, type Principal } from '../access/principal.ts'
import { digestOfToken } from '../admin-token.ts'
import { AppError } from '../errors.ts'
import type { IsReserved } from '../private/reserved.ts'
import type { Policy, Route } from './route.ts'

/** What is to be done, and with whose packages; undefined: with those of all vendors. */
export interface Access {
  readonly policy: Policy
  readonly surface: Route['surface']
  readonly vendor: string | undefined
}

/**
 * Who sends these headers, when that one may do what is asked for.
 *
 * @throws AppError `unauthorized`, `forbidden`: the same for what is there and for what isn't.
 */
export type Authorize = (access: Access, headers: IncomingHttpHeaders) => Promise<Principal>

/** Digests are SHA-256 in hex. */
export interface AuthorizeOptions {
  /**
   * Of the admin token; undefined: there is none yet. Asked for each time, since another node may have
   * made it meanwhile.
   */
  readonly adminDigest: () => Promise<string | undefined>
  /** undefined: metrics are for all. */
  readonly metricsDigest: string | undefined
  readonly isReserved: IsReserved
  readonly onRefused: () => void
}

export function createAuthorize(options: AuthorizeOptions): Authorize {
  const { adminDigest, metricsDigest, isReserved, onRefused } = options

  async function isOpen({ policy, vendor }: Access): Promise<boolean> {
    if (policy === 'open') return true
    if (policy === 'metrics') return metricsDigest === undefined
    return policy === 'read' && (vendor === undefined || !(await isReserved(vendor)))
  }
  return async (access, headers) => {
    const token = bearerToken(headers)
    if (token !== undefined) {
      if (access.policy === 'metrics' && isTokenOf(token, metricsDigest)) return { kind: 'metrics' }
      if (isTokenOf(token, await adminDigest())) return { kind: 'admin' }
    }
    if (await isOpen(access)) return anonymous
    onRefused()
    throw unauthorized(access.policy)
  }
}

/** One sentence for every reason: what was nearly right is nobody's business. */
function unauthorized(policy: Policy): AppError {
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
