import type { AddressGuard } from './address-guard.ts'
import { collect } from './body.ts'
import { type BreakerState, createBreaker } from './breaker.ts'
import {
  type Asking,
  followRedirects,
  type Origin,
  type UpstreamAnswer,
  type UpstreamRequest,
} from './exchange.ts'
import type { Resolve } from './public-addresses.ts'
import { retried } from './retry.ts'
import { createSend } from './send.ts'
import type { UpstreamCall } from '../telemetry/observer.ts'
import { createSlots } from './slots.ts'
import type { Timeouts } from './timeouts.ts'

export interface UpstreamOptions {
  /** Its own address may be private: the operator chose it. */
  readonly upstreamUrl: string
  readonly userAgent: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** From 0 to less than 1. */
  readonly random: () => number
  readonly resolve?: Resolve
  /** Is told of each request that was made, when it has ended. */
  readonly onCall?: (call: UpstreamCall) => void
}

/** Everything that is asked of upstream goes through this one: connections, limits, pauses are shared. */
export interface Upstream {
  /** For one kind of request. */
  readonly client: (rules: Rules) => UpstreamClient
  /** By origin, such as `https://repo.packagist.org`. */
  readonly breakers: () => ReadonlyMap<string, BreakerState>
}

export interface Rules {
  readonly guard: AddressGuard
  readonly timeouts: Timeouts
}

export interface UpstreamClient {
  /**
   * One question, with redirects, and with retries unless it is a POST. A status is never an error.
   *
   * @throws UpstreamFailure when no complete answer came, NotAsked when no request was made.
   */
  readonly ask: <Body>(url: string, request: UpstreamRequest<Body>) => Promise<UpstreamAnswer<Body>>
}

/** Packagist asks for at most 10 requests at once. */
const requestsMax = 10
/** One client has no more of them, so that another's first request finds one. */
const requestsPerClientMax = 8
const waitingMax = 1_000

export function createUpstream(options: UpstreamOptions): Upstream {
  const { now, random, onCall = () => undefined } = options
  const send = createSend(options)
  // As many as there are hosts that guards let through.
  const origins = new Map<string, Origin>()

  function originOf({ origin: name }: URL): Origin {
    const known = origins.get(name)
    if (known !== undefined) return known
    const origin = {
      breaker: createBreaker({ now, random }),
      slots: createSlots({
        slotsMax: requestsMax,
        slotsPerClientMax: requestsPerClientMax,
        waitingMax,
      }),
    }
    origins.set(name, origin)
    return origin
  }

  async function ask<Body>(
    url: string,
    request: UpstreamRequest<Body>,
    { guard, timeouts }: Rules,
  ): Promise<UpstreamAnswer<Body>> {
    const deadline = new AbortController()
    const { signal } = deadline
    const timer = setTimeout(() => deadline.abort(), timeouts.totalMs)
    const asking: Asking<Body> = {
      send,
      originOf,
      now,
      guard,
      request,
      timeouts,
      signal,
      onCall,
    }
    try {
      if (request.method === 'POST') return await followRedirects(url, asking)
      return await retried(async () => await followRedirects(url, asking), { random, signal })
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    client: (rules) => ({ ask: async (url, request) => await ask(url, request, rules) }),
    breakers: () => new Map([...origins].map(([name, { breaker }]) => [name, breaker.state()])),
  }
}

export interface BodyOptions {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
  readonly sizeBytesMax: number
}

/**
 * One question, its whole answer in memory, as it came: still encoded.
 *
 * @throws UpstreamFailure, `too_large` when the body passes `sizeBytesMax`; NotAsked.
 */
export async function requestBody(
  client: UpstreamClient,
  url: string,
  { sizeBytesMax, ...request }: BodyOptions,
): Promise<UpstreamAnswer<Buffer>> {
  return await client.ask(url, {
    ...request,
    receive: async ({ body }) => await collect(body, sizeBytesMax),
  })
}
