import type { IncomingHttpHeaders } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { AddressGuard } from './address-guard.ts'
import { type Breaker, type BreakerState, createBreaker, type Passage } from './breaker.ts'
import { NotAsked, UpstreamFailure } from './failures.ts'
import type { Resolve } from './public-addresses.ts'
import { pauseMsOf } from './retry-after.ts'
import { createSend, failureOf, type Incoming, type Send } from './send.ts'
import { createSlots, type Slots } from './slots.ts'
import type { Timeouts } from './timeouts.ts'

export interface UpstreamOptions {
  /** Whose own address may be private. */
  readonly upstreamUrl: string
  readonly userAgent: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** From 0 to less than 1. */
  readonly random: () => number
  readonly resolve?: Resolve
}

/** All that talks to upstream does it through this: connections, limits and pauses are shared. */
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

export interface UpstreamRequest<Body> {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
  /**
   * Takes in the body of an answer, with a limit to its size. Called again for each retry, and not for
   * the body of a redirect, a failure (5xx) or a refusal to be asked so often.
   */
  readonly receive: (answer: Incoming) => Promise<Body>
}

export interface UpstreamAnswer<Body> {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** undefined: upstream failed, or refuses to be asked so often. */
  readonly body: Body | undefined
}

export interface UpstreamClient {
  /**
   * One question to upstream, with redirects and retries. A status is never an error.
   *
   * @throws UpstreamFailure when no complete answer came, NotAsked when no request was made.
   */
  readonly ask: <Body>(
    url: string,
    request: UpstreamRequest<Body>,
  ) => Promise<UpstreamAnswer<Body>>
}

/** Packagist asks for at most 10 requests at once. */
const requestsMax = 10
const waitingMax = 1_000
const redirectsMax = 5
const triesMax = 3
/** The first retry comes within this, the second within its double. */
const retryDelayMsMax = 250

interface Origin {
  readonly breaker: Breaker
  readonly slots: Slots
}

export function createUpstream(options: UpstreamOptions): Upstream {
  const { now, random } = options
  const send = createSend(options)
  // As many as there are hosts that guards let through.
  const origins = new Map<string, Origin>()

  function originOf({ origin: name }: URL): Origin {
    const known = origins.get(name)
    if (known !== undefined) return known
    const origin = {
      breaker: createBreaker({ now, random }),
      slots: createSlots({ slotsMax: requestsMax, waitingMax }),
    }
    origins.set(name, origin)
    return origin
  }

  return {
    client: ({ guard, timeouts }) => ({
      async ask(url, request) {
        const deadline = new AbortController()
        const timer = setTimeout(() => deadline.abort(), timeouts.totalMs)
        const question = { ...request, timeouts, signal: deadline.signal }
        const asking = { send, now, guard, originOf, question }
        try {
          const follow = async () => await followRedirects(url, asking)
          return request.method === 'POST'
            ? await follow()
            : await retried(follow, { random, signal: deadline.signal })
        } finally {
          clearTimeout(timer)
        }
      },
    }),
    breakers: () => new Map([...origins].map(([name, { breaker }]) => [name, breaker.state()])),
  }
}

interface Asking<Body> {
  readonly send: Send
  readonly now: () => number
  readonly guard: AddressGuard
  readonly originOf: (url: URL) => Origin
  readonly question: UpstreamRequest<Body> & {
    readonly timeouts: Timeouts
    readonly signal: AbortSignal
  }
}

interface Taken<Body> extends UpstreamAnswer<Body> {
  readonly isPause: boolean
}

/** Tries again what may be better at once: a connection that broke, a failure that names no time. */
async function retried<Body>(
  attempt: () => Promise<Taken<Body>>,
  { random, signal }: { readonly random: () => number; readonly signal: AbortSignal },
): Promise<Taken<Body>> {
  let last: { readonly unwrap: () => Taken<Body> } | undefined
  for (let tries = 1; ; tries++) {
    const outcome = await attempt().then(
      (answer) => ({ isRetryable: isRetryable(answer), isAsked: true, unwrap: () => answer }),
      (error: unknown) => ({
        isRetryable: error instanceof UpstreamFailure && error.reason === 'connection',
        isAsked: !(error instanceof NotAsked),
        unwrap() {
          throw error
        },
      }),
    )
    // A retry that wasn't made doesn't hide what came of the try before it.
    if (!outcome.isAsked) return (last ?? outcome).unwrap()
    last = outcome
    if (!outcome.isRetryable || tries === triesMax) return outcome.unwrap()
    try {
      await delay(random() * retryDelayMsMax * 2 ** (tries - 1), undefined, { signal })
    } catch {
      return outcome.unwrap()
    }
  }
}

function isRetryable({ status, isPause }: Taken<unknown>): boolean {
  return !isPause && (status === 500 || (status >= 502 && status <= 504))
}

/** Here and not in the HTTP client: each hop has to pass the guard and its own origin's breaker. */
async function followRedirects<Body>(url: string, asking: Asking<Body>): Promise<Taken<Body>> {
  const { method = 'GET' } = asking.question
  let target = url
  for (let redirects = 0; redirects <= redirectsMax; redirects++) {
    if (!asking.guard.isAllowed(target)) {
      throw new UpstreamFailure('redirects', 'that is not a place that may be asked')
    }
    const answer = await askOnce(new URL(target), asking)
    const location = locationOf(answer)
    if (location === undefined) return answer
    if (method !== 'GET' || !URL.canParse(location, target)) break
    target = new URL(location, target).href
  }
  throw new UpstreamFailure('redirects', 'upstream sends us round and round')
}

function locationOf({ status, headers }: Pick<Incoming, 'status' | 'headers'>): string | undefined {
  return [301, 302, 303, 307, 308].includes(status) ? headers.location : undefined
}

async function askOnce<Body>(url: URL, asking: Asking<Body>): Promise<Taken<Body>> {
  const { breaker, slots } = asking.originOf(url)
  refuseWhilePaused(breaker)
  return await slots.use(asking.question.signal, async () => {
    // Those before it in the line may have found out meanwhile that upstream is down.
    refuseWhilePaused(breaker)
    return await exchange(url, breaker.begin(), asking)
  })
}

function refuseWhilePaused({ waitMs }: Breaker): void {
  const pauseMs = waitMs()
  if (pauseMs !== undefined) {
    throw new NotAsked('upstream is given time to recover', Math.ceil(pauseMs / 1000))
  }
}

async function exchange<Body>(
  url: URL,
  passage: Passage,
  { send, now, question }: Asking<Body>,
): Promise<Taken<Body>> {
  let incoming: Incoming | undefined
  try {
    incoming = await send(url, { method: 'GET', headers: {}, ...question })
    const { status, headers } = incoming
    const pauseMs = pauseMsOf(incoming, now())
    const isPause = pauseMs !== undefined
    if (isPause || status >= 500) {
      if (isPause) passage.toldToWait(pauseMs)
      else passage.failed()
      await discard(incoming)
      return { status, headers, body: undefined, isPause }
    }
    passage.answered()
    const isRedirect = locationOf(incoming) !== undefined
    const body = isRedirect ? await discard(incoming) : await question.receive(incoming)
    passage.succeeded()
    return { status, headers, body, isPause }
  } catch (error) {
    incoming?.body.destroy()
    const failure = failureOf(error, question.signal)
    const isBroken = failure?.reason === 'connection' || failure?.reason === 'timeout'
    // An answer that is too large, or that can't be written to our disk, is still an answer.
    if (incoming === undefined || isBroken) passage.failed()
    else passage.succeeded()
    throw failure ?? error
  }
}

const discardedBytesMax = 65_536

/** Reads to the end what is short, so that its connection can be used again. Never throws. */
async function discard({ body }: Incoming): Promise<undefined> {
  await collect(body, discardedBytesMax).catch(() => undefined)
}

async function collect(body: AsyncIterable<Buffer>, sizeBytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of body) {
    sizeBytes += chunk.length
    if (sizeBytes > sizeBytesMax) {
      throw new UpstreamFailure('too_large', `more than ${sizeBytesMax} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
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
 * @throws UpstreamFailure, `too_large` when the body passes `sizeBytesMax`, which is counted as it
 * arrives; NotAsked.
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
