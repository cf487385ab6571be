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
   * Finds out whose a token is: at once, so that one that counts is never kept waiting by those that guess from the
   * same address. Once too many wrong ones were shown from there, the answer to another wrong one waits its turn. One
   * that was shown from there before has no turn to wait for: a build server with a typo in its token shows it for
   * days. That a right one needs no turn lets through what is guessed right, too: what can't be guessed is random.
   *
   * @param shown.client by its address.
   * @throws AppError `allowance_used_up` when its turn would come too late.
   */
  readonly finding: <Found>(
    shown: ShownToken,
    find: () => Promise<Found | undefined>,
  ) => Promise<Found | undefined>
  /** Those that show so many that somebody should know. */
  readonly guessers: () => readonly Guesser[]
}

export interface ShownToken {
  readonly token: string
  readonly client: Client
}

export interface TokenGuessesOptions {
  /** For those that show too many. */
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

  /** @param mark undefined: it was refused, so it must not pass as known when it comes again. */
  function count(from: string, mark: number | undefined): void {
    const guesses = guessesFrom(from)
    if (mark !== undefined && guesses.seen.has(mark)) return
    if (refresh(guesses) === 0) guesses.seen.clear()
    if (mark !== undefined && guesses.seen.size < tokensRememberedMax) guesses.seen.add(mark)
    guesses.tokens += 1
    // The alert is of the node that looks, this line of each.
    if (guesses.tokens === guessesUntilAlert) logger.warn({ from }, 'tokens are guessed')
    guesses.level = Math.min(levelMax, guesses.level + 1)
  }

  return {
    async finding({ token, client }, find) {
      const found = await find()
      if (found !== undefined) return found
      const mark = markOf(token)
      const from = nameOf(client)
      const guesses = known.get(from)
      const isSlow = guesses !== undefined && refresh(guesses) > guessesFreeMax - 1
      if (isSlow && !guesses.seen.has(mark)) {
        await slowed.take(client).catch((error: unknown) => {
          count(from, undefined)
          throw error
        })
      }
      count(from, mark)
      return undefined
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
