import { z } from 'zod'
import type { Database } from '../database/schema.ts'
import { Grant } from '../events/token-types.ts'
import type { Instant } from '../time-machine/instant.ts'

export type StoredToken = Readonly<Database['token']>

/** What is shown of a token, which itself nobody has any more. */
export interface Token {
  readonly id: string
  readonly name: string
  readonly grants: readonly Grant[]
  readonly state: 'active' | 'expired' | 'revoked'
  readonly issuedAt: Instant
  readonly issuedBy: string
  /** The earlier of its own and of when its successor takes over. */
  readonly expiresAt: Instant | null
  readonly revokedAt: Instant | null
  /** Id of its successor. */
  readonly replacedBy: string | null
  readonly lastUsedAt: Instant | null
  readonly useCount: number
}

export function tokenOf(stored: StoredToken, now: Instant): Token {
  return {
    id: stored.token_id,
    name: stored.name,
    grants: grantsOf(stored),
    state: stateOf(stored, now),
    issuedAt: stored.issued_at,
    issuedBy: stored.issued_by,
    expiresAt: stored.expires_at,
    revokedAt: stored.revoked_at,
    replacedBy: stored.replaced_by,
    lastUsedAt: stored.last_used_at,
    useCount: Number(stored.use_count),
  }
}

export function stateOf(
  { revoked_at, expires_at }: Pick<StoredToken, 'revoked_at' | 'expires_at'>,
  now: Instant,
): Token['state'] {
  if (revoked_at !== null) return 'revoked'
  return expires_at !== null && expires_at <= now ? 'expired' : 'active'
}

const Grants = z.array(Grant)

export function grantsOf({ grants }: Pick<StoredToken, 'grants'>): readonly Grant[] {
  return Grants.parse(JSON.parse(grants))
}
