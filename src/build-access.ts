import type { Logger } from 'pino'
import { readToken, readTokenByDigest, readTokens, token } from '../projections/token.ts'
import { createIdentify } from './access/identify.ts'
import { createAllowance } from './access/allowance.ts'
import { createTokenGuesses, type TokenGuesses } from './access/token-guesses.ts'
import { createTokenUses, type TokenUses } from './access/token-uses.ts'
import { createTokens, type Tokens } from './access/tokens.ts'
import { createIsAdminToken, digestOfToken } from './admin-token.ts'
import type { Config } from './config.ts'
import type { Db } from './database/schema.ts'
import type { EventLog } from './events/log.ts'
import type { Position } from './events/types.ts'
import { type Authorize, createAuthorize } from './http/auth.ts'
import type { Reserved } from './private/reserved.ts'
import { whenCaughtUp } from './projector/caught-up.ts'
import { type Projector, waitingFor } from './projector/run.ts'
import type { Observer } from './telemetry/observer.ts'
import { type Instant, msOfInstant } from './time-machine/instant.ts'

interface AccessParts extends Pick<Reserved, 'isReserved' | 'reservedNames'> {
  readonly config: Config
  readonly outside: {
    readonly logger: Logger
    readonly now: () => Instant
  }
  readonly observer: Pick<Observer, 'tokenRefused'>
  readonly db: Db
  readonly log: EventLog
  readonly projector: Projector
  readonly headAtStart: Position
}

export interface BuiltAccess {
  readonly authorize: Authorize
  readonly tokens: Tokens
  readonly uses: TokenUses
  readonly guesses: TokenGuesses
}

/** Metrics are wanted most while the database is away: then what was known last holds. */
function lastKnown({ reservedNames }: Pick<Reserved, 'reservedNames'>): () => Promise<boolean> {
  let isAny = true
  async function read(): Promise<boolean> {
    const reserved = await reservedNames().catch(() => undefined)
    if (reserved !== undefined) isAny = reserved.patterns.length > 0
    return isAny
  }
  void read() // So that something is known before the first scrape.
  return read
}

/** Of who has shown too many other wrong tokens. */
const wrongTokenAnswers = {
  burst: 1,
  perSecond: 1,
  message: 'too many tokens that do not count were shown from this address: wait before you try on',
} as const

const tokensShownMax = 10_000

/** The part of the composition root that is about who may ask. */
export function buildAccess(parts: AccessParts): BuiltAccess {
  const { config, outside, observer, db, log, projector } = parts
  const { isReserved } = parts
  const { now } = outside
  const uses = createTokenUses(outside)
  const nowMs = () => msOfInstant(now())
  const slowed = createAllowance({ ...wrongTokenAnswers, nowMs })
  const guesses = createTokenGuesses({ slowed, nowMs, logger: outside.logger })
  const caughtUp = whenCaughtUp(parts)
  const identify = createIdentify({
    async storedToken(sha256) {
      caughtUp(token)
      return await readTokenByDigest(db, sha256)
    },
    isAdminToken: createIsAdminToken(db, config.adminToken),
    noteUse: uses.note,
    now,
  })
  return {
    authorize: createAuthorize({
      identify,
      metricsDigest:
        config.metricsToken === undefined ? undefined : digestOfToken(config.metricsToken),
      isReserved,
      isAnyReserved: lastKnown(parts),
      publicRead: config.publicRead,
      onRefused: observer.tokenRefused,
      guesses,
    }),
    tokens: createTokens({
      storedToken: async (tokenId) => await readToken(db, tokenId),
      storedTokens: async () => await readTokens(db, tokensShownMax),
      log,
      // Another projection that is stopped must not keep a token from being revoked.
      until: waitingFor(projector, 'token'),
      now,
    }),
    uses,
    guesses,
  }
}
