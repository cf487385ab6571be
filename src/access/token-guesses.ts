import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import type { Allowance } from './allowance.ts'
import type { Client } from './client.ts'

/** From where tokens are guessed. */
export interface Guesser {
  /** An address, or what stands for several. */
  readonly from: string
  /** Distinct wrong tokens, since it began. */
  readonly tokens: number
}

export interface TokenGuesses {
  /**
   * Resolves when a token that doesn't count may be answered: in turn, once too many others were shown from the same
   * address. One that was shown from there before is answered at once: a build server with a typo in its token shows
   * it for days.
   *
   * @throws AppError `allowance_used_up` when its turn would come too late.
   */
  readonly answering: (token: string, client: Client) => Promise<void>
  /** Those that show so many that somebody should know. */
  readonly guessers: () => readonly Guesser[]
}

export interface TokenGuessesOptions {
  /** For the answers to those that show too many. */
  readonly slowed: Allowance
  /** Milliseconds of any clock. */
  readonly nowMs: () => number
  readonly logger: Pick<Logger, 'warn'>
}

/** Tokens in one hour that are nobody's guesses: of a machine after a rotation, or of people who try. */
const guessesFreeMax = 20
const guessesUntilAlert = 200
/** A guesser that ends is forgotten after an hour, and an alert of it is over. */
const levelMax = guessesUntilAlert + guessesFreeMax
const forgottenPerMs = guessesFreeMax / 3_600_000
/** Of one address; more are counted whenever they are shown. */
const tokensRememberedMax = 400
/** Two or three KB each. Those that come while there are more, and none is forgotten, count as one. */
const addressesMax = 2_000

interface Guesses {
  /** How many there were, less those that are forgotten by now. */
  level: number
  atMs: number
  tokens: number
  /** 31 bits of the SHA-256 of each: enough to tell them apart, and useless to anybody else. */
  readonly seen: Set<number>
}

/** In memory, of this node. */
export function createTokenGuesses(options: TokenGuessesOptions): TokenGuesses {
  const { slowed, nowMs, logger } = options
  const known = new Map<string, Guesses>()

  function refresh(guesses: Guesses): number {
    const now = nowMs()
    const forgotten = Math.max(0, now - guesses.atMs) * forgottenPerMs
    guesses.level = Math.max(0, guesses.level - forgotten)
    guesses.atMs = now
    return guesses.level
  }
  function guessesFrom(name: string): Guesses {
    const guesses = known.get(name)
    if (guesses !== undefined) return guesses
    const begun: Guesses = { level: 0, atMs: nowMs(), tokens: 0, seen: new Set() }
    known.set(name, begun)
    return begun
  }
  function nameOf({ key }: Client): string {
    const name = key?.replace(/^address /, '') ?? untold
    if (known.has(name) || known.size < addressesMax) return name
    for (const [each, guesses] of known) if (refresh(guesses) === 0) known.delete(each)
    return known.size < addressesMax ? name : others
  }

  return {
    async answering(token, client) {
      const from = nameOf(client)
      const guesses = guessesFrom(from)
      const mark = markOf(token)
      if (guesses.seen.has(mark)) return
      if (refresh(guesses) === 0) guesses.seen.clear()
      if (guesses.seen.size < tokensRememberedMax) guesses.seen.add(mark)
      guesses.tokens += 1
      // The alert is of the node that looks, this line of each.
      if (guesses.tokens === guessesUntilAlert) logger.warn({ from }, 'tokens are guessed')
      guesses.level = Math.min(levelMax, guesses.level + 1)
      if (guesses.level > guessesFreeMax) await slowed.take(client)
    },
    guessers() {
      return [...known]
        .filter(([, guesses]) => refresh(guesses) > guessesUntilAlert - 1)
        .map(([from, { tokens }]) => ({ from, tokens }))
    },
  }
}

const untold = 'clients behind a proxy that is not trusted'
const others = 'many addresses'

function markOf(token: string): number {
  return createHash('sha256').update(token).digest().readUInt32BE() >>> 1
}
