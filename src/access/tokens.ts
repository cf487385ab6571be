import { randomUUID } from 'node:crypto'
import { digestOfToken } from '../admin-token.ts'
import { AppError } from '../errors.ts'
import { Sha256 } from '../events/event-schema.ts'
import type { EventLog } from '../events/log.ts'
import type { Grant } from '../events/token-types.ts'
import {
  type DomainEvent,
  type Position,
  type RecordedEvent,
  tokenStream,
} from '../events/types.ts'
import { decideOnStream } from '../package-decisions.ts'
import { addSeconds, type Instant, msOfInstant } from '../time-machine/instant.ts'
import { newTokenText } from './token-text.ts'
import { grantsOf, stateOf, type StoredToken, type Token, tokenOf } from './token.ts'

type TokenIssued = Extract<DomainEvent, { readonly type: 'TokenIssued' }>['data']
type Written = Pick<TokenIssued, 'actor' | 'requestId' | 'reason'>

export interface TokensOptions {
  readonly storedToken: (tokenId: string) => Promise<StoredToken | undefined>
  /** The newest first. */
  readonly storedTokens: () => Promise<readonly StoredToken[]>
  readonly log: EventLog
  /** Resolves once the tokens have everything up to `position`. */
  readonly until: (position: Position) => Promise<void>
  readonly now: () => Instant
}

/** A token as only the one who asked for it ever sees it. */
export interface ShownToken extends Token {
  readonly token: string
}

export interface IssueRequest extends Written {
  readonly name: string
  readonly grants: readonly Grant[]
  readonly expiresAt: Instant | undefined
}

export interface RotateRequest extends Written {
  readonly tokenId: string
  /** For how long the old one counts beside the new one. */
  readonly overlapSeconds: number
  /** Of the new one; undefined: it counts for as long as the old one was meant to. */
  readonly expiresAt: Instant | undefined
}

export interface Tokens {
  /** @throws AppError `invalid_instant` for an expiry that is over. */
  readonly issue: (request: IssueRequest) => Promise<ShownToken>
  /**
   * Issues a token with the same name and grants, whose predecessor counts for a while yet.
   *
   * @throws AppError `token_not_found`, `invalid_instant`, and `token_not_rotatable` for one that counts no
   * more or has a successor.
   */
  readonly rotate: (request: RotateRequest) => Promise<ShownToken>
  /**
   * From now on it counts no more; what is so already is not recorded again.
   *
   * @throws AppError `token_not_found`
   */
  readonly revoke: (request: Written & { readonly tokenId: string }) => Promise<Token>
  readonly list: () => Promise<readonly Token[]>
}

export function createTokens(options: TokensOptions): Tokens {
  const { storedToken, storedTokens, now } = options
  const decidingOn = (tokenId: string) => ({ ...options, stream: tokenStream(tokenId) })

  async function existing(tokenId: string): Promise<StoredToken> {
    const stored = await storedToken(tokenId)
    if (stored === undefined) throw new AppError('token_not_found', 'there is no token of this id')
    return stored
  }
  return {
    async issue(request) {
      const { token, ...made } = newToken()
      refuseOver(request.expiresAt, now())
      const data = { ...request, ...made, grants: [...request.grants] }
      await decideOnStream(decidingOn(made.tokenId), async () => ({ type: 'TokenIssued', data }))
      return { ...tokenOf(await existing(made.tokenId), now()), token }
    },
    async rotate(request) {
      const old = await existing(request.tokenId)
      const { token, ...made } = newToken()
      await decideOnStream(decidingOn(request.tokenId), async (before) => {
        refuseRotation(old, { before, now: now() })
        return { type: 'TokenIssued', data: { ...successorOf(old, request, now()), ...made } }
      })
      return { ...tokenOf(await existing(made.tokenId), now()), token }
    },
    async revoke(request) {
      const { tokenId } = request
      await existing(tokenId)
      await decideOnStream(decidingOn(tokenId), async (before) => {
        return before.some(isRevocation) ? undefined : { type: 'TokenRevoked', data: request }
      })
      return tokenOf(await existing(tokenId), now())
    },
    list: async () => (await storedTokens()).map((stored) => tokenOf(stored, now())),
  }
}

function newToken(): Pick<TokenIssued, 'tokenId' | 'sha256'> & Pick<ShownToken, 'token'> {
  const token = newTokenText()
  return { token, tokenId: randomUUID(), sha256: Sha256.parse(digestOfToken(token)) }
}

function refuseOver(expiresAt: Instant | undefined, now: Instant): void {
  if (expiresAt === undefined || expiresAt > now) return
  throw new AppError('invalid_instant', 'expiresAt is over already: name an instant to come')
}

/** @param before what was recorded about the old one, which may be later than what `old` was read from. */
function refuseRotation(
  old: StoredToken,
  { before, now }: { readonly before: readonly RecordedEvent[]; readonly now: Instant },
): void {
  const successor = before.find(({ data }) => 'replaces' in data && data.replaces !== undefined)
  const state = before.some(isRevocation) ? 'revoked' : stateOf(old, now)
  if (state !== 'active') {
    throw new AppError('token_not_rotatable', `the token is ${state}: issue a new one`)
  }
  if (successor !== undefined) {
    const message = 'the token has a successor already, which `replacedBy` names: rotate that one'
    throw new AppError('token_not_rotatable', message)
  }
}

function isRevocation({ type }: RecordedEvent): boolean {
  return type === 'TokenRevoked'
}

function successorOf(
  old: StoredToken,
  { tokenId, overlapSeconds, expiresAt, ...request }: RotateRequest,
  now: Instant,
): Omit<TokenIssued, 'tokenId' | 'sha256'> {
  const until = addSeconds(now, overlapSeconds)
  const expiry = expiresAt ?? sameLifetime(old, now)
  refuseOver(expiry, now)
  return {
    ...request,
    name: old.name,
    grants: [...grantsOf(old)],
    expiresAt: expiry,
    replaces: {
      tokenId,
      until: old.expires_at !== null && old.expires_at < until ? old.expires_at : until,
    },
  }
}

/** Whoever limited the old one wants the new one limited too. */
function sameLifetime({ issued_at, expires_at }: StoredToken, now: Instant): Instant | undefined {
  if (expires_at === null) return undefined
  return addSeconds(now, (msOfInstant(expires_at) - msOfInstant(issued_at)) / 1000)
}
