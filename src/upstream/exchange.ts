import type { IncomingHttpHeaders } from 'node:http'
import { type AddressGuard, isPlain, refusalText } from './address-guard.ts'
import { discard } from './body.ts'
import type { Breaker, Passage } from './breaker.ts'
import { hostOf, type Why } from './causes.ts'
import type { HeadersFor } from './credentials.ts'
import { NotAsked, UpstreamFailure } from './failures.ts'
import { currentAskers } from '../request-context.ts'
import type { UpstreamCall } from '../telemetry/observer.ts'
import { atLeastSpeed } from './least-speed.ts'
import { pauseMsOf } from './retry-after.ts'
import { failureOf, type Incoming, type Message, type Send } from './send.ts'
import type { Slots } from './slots.ts'
import type { Timeouts } from './timeouts.ts'

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
  /** It failed without saying for how long, so it may be better at once. */
  readonly isTransient: boolean
  /** Why there is nothing, if that is what its status means to who asked. */
  readonly why: Why
}

/** What all requests to one origin share. */
export interface Origin {
  readonly breaker: Breaker
  readonly slots: Slots
}

export interface Asking<Body> {
  readonly send: Send
  readonly originOf: (url: URL) => Origin
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly guard: AddressGuard
  /** The credentials that a URL is asked with. */
  readonly headersFor: HeadersFor
  readonly request: UpstreamRequest<Body>
  readonly timeouts: Timeouts
  readonly signal: AbortSignal
  readonly onCall: (call: UpstreamCall) => void
}

const redirectsMax = 5

/**
 * One question and its answer, at the end of its redirects. They are followed here and not by the HTTP
 * client because each has to pass the guard and the breaker of its own origin. A redirected request is
 * made anew from ours: nothing that upstream sent goes along but the place.
 *
 * @throws UpstreamFailure, NotAsked.
 */
export async function followRedirects<Body>(
  url: string,
  asking: Asking<Body>,
): Promise<UpstreamAnswer<Body>> {
  let target = url
  let credentials = URL.canParse(url) ? asking.headersFor(new URL(url)) : {}
  for (let redirects = 0; redirects <= redirectsMax; redirects++) {
    const refusal = asking.guard.refusalOf(target)
    if (refusal !== undefined) {
      throw notFollowed(url, refusalText(refusal, target))
    }
    // Another origin gets no credentials, and isn't believed about what to ask with them.
    if (new URL(target).origin !== new URL(url).origin) credentials = {}
    const answer = await askOnce(new URL(target), withHeaders(asking, credentials))
    const location = locationOf(answer)
    if (location === undefined) return answer
    const isGood = isPlain(location) && URL.canParse(location, target)
    if (asking.request.method === 'POST' || !isGood) break
    target = new URL(location, target).href
  }
  throw notFollowed(target, 'a redirect that is not followed')
}

/** Where it leads to isn't told: it may be a name of somebody's own network. */
function notFollowed(url: string, message: string): UpstreamFailure {
  return new UpstreamFailure('redirects', message, { host: hostOf(url) })
}

function withHeaders<Body>(
  asking: Asking<Body>,
  headers: Readonly<Record<string, string>>,
): Asking<Body> {
  const { request } = asking
  return { ...asking, request: { ...request, headers: { ...request.headers, ...headers } } }
}

function locationOf({ status, headers }: Pick<Incoming, 'status' | 'headers'>): string | undefined {
  return [301, 302, 303, 307, 308].includes(status) ? headers.location : undefined
}

async function askOnce<Body>(url: URL, asking: Asking<Body>): Promise<UpstreamAnswer<Body>> {
  const { breaker, slots } = asking.originOf(url)
  refuseWhilePaused(breaker, url)
  return await slots.use({ signal: asking.signal, askers: currentAskers() }, async () => {
    // Those before it in the line may have found out meanwhile that upstream is down.
    refuseWhilePaused(breaker, url)
    return await exchange(url, breaker.begin(url.pathname), asking)
  })
}

function refuseWhilePaused({ waitMs, state }: Breaker, { host }: URL): void {
  const pauseMs = waitMs()
  if (pauseMs === undefined) return
  const { lastCause } = state()
  const why = lastCause === undefined ? undefined : { ...lastCause, host }
  throw new NotAsked('upstream is given time to recover', Math.ceil(pauseMs / 1000), why)
}

async function exchange<Body>(
  url: URL,
  passage: Passage,
  asking: Asking<Body>,
): Promise<UpstreamAnswer<Body>> {
  const { send, request, timeouts, signal, onCall } = asking
  const message = { method: 'GET', headers: {}, ...request, timeouts, signal } as const
  const begunMs = performance.now()
  let incoming: Incoming | undefined
  let failure: UpstreamFailure | undefined
  // What came while this process was held up is read first.
  const silence = setTimeout(() => setImmediate(passage.silent), timeouts.silenceMs)
  try {
    incoming = await send(url, message).finally(() => clearTimeout(silence))
    const taken = take(incoming, passage, { ...asking, host: url.host })
    return await atLeastSpeed(incoming, timeouts.speedMs, taken)
  } catch (error) {
    failure = failureOf(error, { signal, host: url.host })
    end(passage, incoming, failure)
    throw failure ?? error
  } finally {
    const durationMs = Math.round(performance.now() - begunMs)
    onCall({ ...whatCame(incoming, failure), ...nameOf(url, message), durationMs })
  }
}

function end(
  passage: Passage,
  incoming: Incoming | undefined,
  failure: UpstreamFailure | undefined,
): void {
  incoming?.body.destroy()
  const broken = failure?.reason === 'timeout' ? 'timeout' : 'connection'
  // An answer that is too large, or that can't be written to our disk, is still an answer.
  if (incoming === undefined || failure?.reason === broken) {
    passage.failed(broken, failure && { cause: failure.why })
  } else passage.succeeded()
}

function nameOf(
  { host, pathname }: URL,
  { method }: Pick<Message, 'method'>,
): Pick<UpstreamCall, 'method' | 'host' | 'path'> {
  return { method, host, path: pathname }
}

function whatCame(
  incoming: Incoming | undefined,
  failure: UpstreamFailure | undefined,
): Pick<UpstreamCall, 'status' | 'reason' | 'bytes'> {
  const bytes = incoming?.receivedBytes() ?? 0
  return { status: incoming?.status, reason: failure?.reason, bytes }
}

async function take<Body>(
  incoming: Incoming,
  passage: Passage,
  { now, request, host }: Asking<Body> & Pick<Why, 'host'>,
): Promise<UpstreamAnswer<Body>> {
  const { status, headers } = incoming
  const pauseMs = pauseMsOf(incoming, now())
  const why = { cause: pauseMs === undefined ? 'status' : 'told_to_wait', status, host } as const
  if (pauseMs !== undefined || status >= 500) {
    if (pauseMs === undefined) passage.failed('status', why)
    else passage.toldToWait(pauseMs, why)
    const isTransient = pauseMs === undefined && [500, 502, 503, 504].includes(status)
    return { status, headers, body: await discard(incoming.body), isTransient, why }
  }
  passage.answered()
  const isRedirect = locationOf(incoming) !== undefined
  const body = isRedirect ? await discard(incoming.body) : await request.receive(incoming)
  passage.succeeded()
  return { status, headers, body, isTransient: false, why }
}
