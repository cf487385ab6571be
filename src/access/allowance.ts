import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../errors.ts'
import type { Client } from './client.ts'

/** How often each client may do something that costs others; whoever is over it waits in a line of its own. */
export interface Allowance {
  /**
   * Resolves once the client may go on: at once while it has some of its allowance left, else when more has come
   * in, those before it in its line first. Clients whose key is undefined have no limit here.
   *
   * @throws AppError `allowance_used_up` when that would take longer than `waitMsMax`; nothing is taken then.
   */
  readonly take: (client: Client) => Promise<Taken>
}

export interface Taken {
  /** For what turned out to cost nothing. To be called once at most. */
  readonly giveBack: () => void
}

export interface AllowanceOptions {
  /** How many at once, after a pause that is long enough. */
  readonly burst: number
  /** How many come in again, up to `burst`. */
  readonly perSecond: number
  /** Completes "… asked for too much: ". Public. */
  readonly message: string
  /** Milliseconds of any clock. */
  readonly nowMs: () => number
  /** 5 s when left out: Composer's user still sees progress, and it is no longer than a slow upstream takes. */
  readonly waitMsMax?: number
  /** Without it, a timer waits. */
  readonly wait?: (ms: number) => Promise<void>
  /** Of each kind, with and without a token; see `createClients`. */
  readonly clientsMax?: number
}

const waitMsMaxDefault = 5_000
/** Some hundred bytes each. More addresses than these in the time that an allowance takes to fill are a botnet's. */
const clientsMaxDefault = 50_000

/**
 * A token bucket for each client, kept as the instant at which it will be full again (GCRA). Taking from an empty one
 * puts that instant further off, and the wait follows from it: a client's line is no list but the order of these
 * instants, and as long as what comes in within `waitMsMax`.
 */
export function createAllowance(options: AllowanceOptions): Allowance {
  const { burst, perSecond, message, nowMs, waitMsMax = waitMsMaxDefault } = options
  const { wait = async (ms) => await delay(ms), clientsMax = clientsMaxDefault } = options
  const eachMs = 1000 / perSecond
  const fullMs = burst * eachMs
  const clients = {
    withToken: createClients({ clientsMax, nowMs }),
    without: createClients({ clientsMax, nowMs }),
  }

  function refuse(waitMs: number): never {
    const retryAfterSeconds = Math.ceil(waitMs / 1000)
    throw new AppError('allowance_used_up', message, { retryAfterSeconds })
  }
  return {
    async take({ key, hasToken }) {
      if (key === undefined) return free
      const account = (hasToken ? clients.withToken : clients.without)(key)
      const now = nowMs()
      // Further off than a line allows it is after the clock was set back, which must not lock anybody out.
      if (account.fullAtMs > now + fullMs + waitMsMax) account.fullAtMs = now + fullMs
      const fullAtMs = Math.max(now, account.fullAtMs)
      const waitMs = fullAtMs + eachMs - now - fullMs
      if (waitMs > waitMsMax) refuse(waitMs)
      account.fullAtMs = fullAtMs + eachMs
      if (waitMs > 0) await wait(waitMs)
      return { giveBack: () => void (account.fullAtMs -= eachMs) }
    },
  }
}

const free: Taken = { giveBack: () => undefined }

interface Account {
  fullAtMs: number
}

const sweepEveryMs = 1_000

/**
 * The accounts by client. One is removed once it is full again, which loses nothing. While there are too many
 * that aren't, newcomers share one account: nobody gets a new allowance by having the own account pushed out
 * by others. Clients with a token have accounts apart, which no number of addresses can use up.
 */
function createClients({
  clientsMax,
  nowMs,
}: {
  readonly clientsMax: number
  readonly nowMs: () => number
}): (key: string) => Account {
  const accounts = new Map<string, Account>()
  const shared: Account = { fullAtMs: -Infinity }
  let sweptAtMs = -Infinity

  function sweep(): void {
    const now = nowMs()
    if (Math.abs(now - sweptAtMs) < sweepEveryMs) return
    sweptAtMs = now
    for (const [key, { fullAtMs }] of accounts) if (fullAtMs <= now) accounts.delete(key)
  }
  return (key) => {
    const known = accounts.get(key)
    if (known !== undefined) return known
    if (accounts.size >= clientsMax) sweep()
    if (accounts.size >= clientsMax) return shared
    const account = { fullAtMs: -Infinity }
    accounts.set(key, account)
    return account
  }
}
