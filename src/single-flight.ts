import { setTimeout as delay } from 'node:timers/promises'
import { type Joinable, joinable } from './request-context.ts'

/**
 * Joins callers that ask for the same thing at the same time: the first starts the work, the others
 * get its outcome. The work isn't tied to any caller, so the first one leaving doesn't fail the rest,
 * and an outcome is shared with those who waited for it only.
 *
 * @param joined makes of the outcome what those get who joined.
 */
export function createSingleFlight<Key, Outcome>(
  work: (key: Key) => Promise<Outcome>,
  keyOf: (key: Key) => string,
  joined: (outcome: Outcome) => Outcome = (outcome) => outcome,
): (key: Key) => Promise<Outcome> {
  const flights = new Map<string, Joinable<Promise<Outcome>>>()
  return async (key) => {
    const name = keyOf(key)
    const underWay = flights.get(name)
    if (underWay !== undefined) {
      underWay.join()
      return joined(await underWay.outcome)
    }
    const flight = joinable(async () => await work(key).finally(() => flights.delete(name)))
    flights.set(name, flight)
    return await flight.outcome
  }
}

/** The right of one node to do something, which runs out by itself when the node is gone. */
export interface Turn {
  /** Takes it when nobody has it, or keeps it for longer. */
  readonly take: () => Promise<boolean>
  readonly release: () => Promise<void>
}

export interface SharedWork<Outcome> {
  readonly turn: Turn
  /** What another node's work has brought since the caller began; undefined: nothing yet. */
  readonly brought: () => Promise<Outcome | undefined>
  readonly work: () => Promise<Outcome>
}

/** How long a node that died keeps the others waiting. */
export const turnSeconds = 5
const renewMs = 1_500
const lookMs = 50

/**
 * The same across nodes: one does the work, the others wait for what it brings, and one of them takes
 * over when it doesn't. Two may work at once after a node was paused for longer than its turn: what
 * must not happen twice has a fence of its own.
 */
export async function onOneNode<Outcome>(shared: SharedWork<Outcome>): Promise<Outcome> {
  const { turn, brought, work } = shared
  while (!(await turn.take())) {
    await delay(lookMs)
    const outcome = await brought()
    if (outcome !== undefined) return outcome
  }
  // A renewal or release that fails is made up for by the turn running out.
  let renewed: Promise<unknown> = Promise.resolve()
  const renewal = setInterval(() => {
    renewed = turn.take().catch(() => undefined)
  }, renewMs)
  try {
    return (await brought()) ?? (await work())
  } finally {
    clearInterval(renewal)
    await renewed
    await turn.release().catch(() => undefined)
  }
}
