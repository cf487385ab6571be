import type { AddressGuard } from './address-guard.ts'
import { collect } from './body.ts'
import { createBreaker, type OriginState, stateOfOrigin } from './breaker.ts'
import { type Credential, createHeadersFor } from './credentials.ts'
import {
  type Asking,
  followRedirects,
  type Origin,
  type UpstreamAnswer,
  type UpstreamRequest,
} from './exchange.ts'
import { retried } from './retry.ts'
import { createSend, type SendOptions } from './send.ts'
import type { UpstreamCall } from '../telemetry/observer.ts'
import { createSlots, type SlotsOptions } from './slots.ts'
import type { Timeouts } from './timeouts.ts'

export interface UpstreamOptions extends SendOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** From 0 to less than 1. */
  readonly random: () => number
  readonly credentials?: readonly Credential[]
  /** Whether one of them may be sent; without it, all may. */
  readonly mayBeSent?: (credential: Credential) => boolean
  /** Is told of each request that was made, when it has ended. */
  readonly onCall?: (call: UpstreamCall) => void
}

/** Everything that is asked of upstream goes through this one: connections, limits, pauses are shared. */
export interface Upstream {
  /** For one kind of request. */
  readonly client: (rules: Rules) => UpstreamClient
  /** By origin, such as `https://repo.packagist.org`; what is relayed has breakers of its own, which aren't among them. */
  readonly breakers: () => ReadonlyMap<string, OriginState>
}

export interface Rules {
  readonly guard: AddressGuard
  readonly timeouts: Timeouts
  /** 'metadata' when left out, which archives are as well. */
  readonly kind?: Kind
}

/** Those of one kind share a breaker and slots for each origin: a search that fails doesn't stop metadata. */
type Kind = 'metadata' | 'relays'

export interface UpstreamClient {
  /**
   * One question, with redirects, and with retries unless it is a POST. A status is never an error.
   *
   * @throws UpstreamFailure when no complete answer came, NotAsked when no request was made.
   */
  readonly ask: <Body>(url: string, request: UpstreamRequest<Body>) => Promise<UpstreamAnswer<Body>>
}

/**
 * Packagist asks for at most 10 requests of metadata at once. One client has no more than `slotsPerClientMax` of them,
 * so that another's first request finds one.
 */
const limits = {
  metadata: { slotsMax: 10, slotsPerClientMax: 8, waitingMax: 1_000 },
  relays: { slotsMax: 3, slotsPerClientMax: 2, waitingMax: 1_000 },
} as const satisfies Readonly<Record<Kind, SlotsOptions>>

export function createUpstream(options: UpstreamOptions): Upstream {
  const { now, random, onCall = () => undefined } = options
  const send = createSend(options)
  const headersFor = createHeadersFor(options.credentials ?? [], options.mayBeSent)
  // As many as there are hosts that guards let through.
  const origins = { metadata: new Map<string, Origin>(), relays: new Map<string, Origin>() }

  function originOf({ origin: name }: URL, kind: Kind): Origin {
    const known = origins[kind].get(name)
    if (known !== undefined) return known
    const origin = {
      breaker: createBreaker({ now, random }),
      slots: createSlots(limits[kind]),
    }
    origins[kind].set(name, origin)
    return origin
  }

  async function ask<Body>(
    url: string,
    request: UpstreamRequest<Body>,
    { guard, timeouts, kind = 'metadata' }: Rules,
  ): Promise<UpstreamAnswer<Body>> {
    const deadline = new AbortController()
    const { signal } = deadline
    const timer = setTimeout(() => deadline.abort(), timeouts.totalMs)
    const asking: Asking<Body> = {
      send,
      originOf: (target) => originOf(target, kind),
      now,
      guard,
      headersFor,
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
    breakers: () =>
      new Map(
        [...origins.metadata].map(([name, { breaker }]) => [name, stateOfOrigin(name, breaker)]),
      ),
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
