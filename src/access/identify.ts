import { digestOfToken } from '../admin-token.ts'
import type { Instant } from '../time-machine/instant.ts'
import type { Principal } from './principal.ts'
import { isTokenText } from './token-text.ts'
import { grantsOf, stateOf, type StoredToken } from './token.ts'

/**
 * Who has this token; undefined: nobody, or one that counts no more.
 *
 * @throws what the database throws: not to know a token is no reason to refuse it.
 */
export type Identify = (text: string) => Promise<Principal | undefined>

export interface IdentifyOptions {
  /** Read each time, so that a token that is revoked counts on no node any more. */
  readonly storedToken: (sha256: string) => Promise<StoredToken | undefined>
  readonly isAdminToken: (text: string) => Promise<boolean>
  readonly noteUse: (tokenId: string) => void
  readonly now: () => Instant
}

export function createIdentify(options: IdentifyOptions): Identify {
  const { storedToken, isAdminToken, noteUse, now } = options
  return async (text) => {
    const stored = isTokenText(text) ? await storedToken(digestOfToken(text)) : undefined
    if (stored === undefined) return (await isAdminToken(text)) ? { kind: 'admin' } : undefined
    if (stateOf(stored, now()) !== 'active') return undefined
    noteUse(stored.token_id)
    return {
      kind: 'token',
      id: stored.token_id,
      name: stored.name,
      grants: grantsOf(stored),
    }
  }
}
