import type { Taken } from './allowance.ts'
import type { Client } from './client.ts'

/** What there is for all clients in a day, or an hour, of which none may have more than a share. */
export interface Shared {
  /** undefined: there is nothing left for the client. */
  readonly take: (client: Client) => Taken | undefined
}

export interface SharedOptions {
  readonly perClient: number
  readonly inAll: number
  /** Of that, what those without a token have together: they can't use up what those with one need. */
  readonly withoutToken: number
  /** Of either, what only clients have that took less than `below`: a few can't use it up. Without it, nothing. */
  readonly kept?: { readonly count: number; readonly below: number }
  /** Names the present day, or hour; with another one everything is there again. */
  readonly period: () => string
}

/** Clients that can't be told apart have no share: only what there is in all limits them. */
export function createShared(options: SharedOptions): Shared {
  const { perClient, inAll, withoutToken, kept = { count: 0, below: 0 }, period } = options
  // As many clients as there is in all, since one that took nothing isn't among them.
  const begin = () => ({
    period: period(),
    byClient: new Map<string, number>(),
    inAll: 0,
    without: 0,
  })
  let taken = begin()

  function add({ key, hasToken }: Client, count: 1 | -1): void {
    if (key !== undefined) taken.byClient.set(key, (taken.byClient.get(key) ?? 0) + count)
    taken.inAll += count
    if (!hasToken) taken.without += count
  }
  return {
    take(client) {
      if (taken.period !== period()) taken = begin()
      const { key, hasToken } = client
      const own = key === undefined ? 0 : (taken.byClient.get(key) ?? 0)
      const others = own < kept.below ? 0 : kept.count
      if (own >= perClient || taken.inAll >= inAll - others) return undefined
      if (!hasToken && taken.without >= withoutToken - others) return undefined
      const of = taken
      add(client, 1)
      return {
        giveBack() {
          if (of === taken) add(client, -1)
        },
      }
    },
  }
}
