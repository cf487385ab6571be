import { lookup } from 'node:dns'
import { type ClientRequest, Agent as HttpAgent, type IncomingHttpHeaders } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Readable } from 'node:stream'
import { got, type Request as GotRequest, type Response, RequestError, TimeoutError } from 'got'
import { isOwnOrigin } from './address-guard.ts'
import { causeOfCode, causeOfPhase } from './causes.ts'
import { UpstreamFailure } from './failures.ts'
import { createProxyAgents, type ProxyFor } from './proxies.ts'
import { createNamedLookup, createPublicLookup, type Resolve } from './public-addresses.ts'
import type { Timeouts } from './timeouts.ts'

export interface Message {
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Buffer
  readonly timeouts: Timeouts
  /** Aborts when the total time is used up. */
  readonly signal: AbortSignal
}

/** An answer whose head is there, and whose body, as upstream encoded it, is still on its way. */
export interface Incoming {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Fails with an error for `failureOf`, also when it ends before all of it came. */
  readonly body: Readable
  /** How much of the body has come. */
  readonly receivedBytes: () => number
  /** Whether more of it has to come before more can be taken. */
  readonly isAwaited: () => boolean
}

export type Send = (url: URL, message: Message) => Promise<Incoming>

export interface SendOptions {
  readonly userAgent: string
  /** Its own address may be private: the operator chose it. */
  readonly upstreamUrl: string
  /** See DistOrigins. */
  readonly namedOrigins?: readonly string[]
  readonly proxyFor?: ProxyFor | undefined
  readonly resolve?: Resolve | undefined
}

/** Makes single requests: redirects are answers, and so is every status. All share their connections. */
export function createSend(options: SendOptions): Send {
  const { userAgent } = options
  const agentsFor = createAgents(options)
  const client = got.extend({
    headers: { 'user-agent': userAgent },
    throwHttpErrors: false,
    followRedirect: false,
    // Bodies are stored and checked as they came; what inflates them has a limit.
    decompress: false,
    retry: { limit: 0 },
  })
  return async (url, { method, headers, body, timeouts, signal }) => {
    const { connectMs, headMs, idleMs } = timeouts
    const stream = client.stream(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      agent: agentsFor(url),
      timeout: {
        lookup: connectMs,
        connect: connectMs,
        secureConnect: connectMs,
        socket: idleMs,
      },
      signal,
    })
    // It may fail again after everybody has stopped listening.
    stream.on('error', () => undefined)
    refuseByProxy(stream)
    const late = setTimeout(() => stream.destroy(tooLate()), headMs)
    const response = await new Promise<Response>((resolved, reject) => {
      stream.once('response', resolved).once('error', reject)
    }).finally(() => clearTimeout(late))
    const receivedBytes = () => stream.downloadProgress.transferred
    const { statusCode: status, headers: answered } = response
    const isAwaited = () =>
      !response.complete && response.readableLength === 0 && stream.readableLength === 0
    return { status, headers: answered, body: stream, receivedBytes, isAwaited }
  }
}

const keepAlive = { keepAlive: true, maxFreeSockets: 10 }

/**
 * Chooses what connects to a URL. Who isn't upstream, and wasn't named by the operator, can't have an address that isn't
 * public, whatever is asked. A proxy resolves names by itself, so there only the URL was looked at before.
 */
function createAgents(options: SendOptions): (url: URL) => Agents {
  const { upstreamUrl, namedOrigins = [], proxyFor = () => undefined, resolve = lookup } = options
  const own = { http: new HttpAgent(keepAlive), https: new HttpsAgent(keepAlive) }
  const namedLookup = createNamedLookup(resolve)
  const named = {
    http: new HttpAgent({ ...keepAlive, lookup: namedLookup }),
    https: new HttpsAgent({ ...keepAlive, lookup: namedLookup }),
  }
  const others = {
    http: false,
    https: new HttpsAgent({ ...keepAlive, lookup: createPublicLookup(resolve) }),
  } as const
  const proxied = createProxyAgents(proxyFor)
  return (url) => {
    const agents = proxied(url)
    if (agents !== undefined) return agents
    if (isOwnOrigin(url, upstreamUrl)) return own
    return namedOrigins.includes(`${url.protocol}//${url.host}`) ? named : others
  }
}

interface Agents {
  readonly http: HttpAgent | false
  readonly https: HttpsAgent
}

function tooLate(): UpstreamFailure {
  return new UpstreamFailure('answer_timed_out', 'no answer came in time')
}

/** A refusal of the proxy would otherwise be taken for upstream's answer. */
function refuseByProxy(stream: GotRequest): void {
  stream.once('request', (request: ClientRequest) => {
    request.once('proxyConnect', ({ statusCode }: { readonly statusCode?: number }) => {
      if (statusCode === undefined || statusCode === 200) return
      stream.destroy(new UpstreamFailure('proxy_refused', `the proxy answered ${statusCode}`))
    })
  })
}

/** What an error of a request, or of the body of its answer, means; undefined: it isn't upstream's. */
export function failureOf(
  error: unknown,
  { signal, host }: { readonly signal: AbortSignal; readonly host: string },
): UpstreamFailure | undefined {
  const known = [error, error instanceof Error ? error.cause : undefined].find(isFailure)
  const options = { cause: error, host }
  if (known !== undefined) return new UpstreamFailure(known.why, known.message, options)
  if (error instanceof TimeoutError) {
    return new UpstreamFailure(causeOfPhase(error.event), 'upstream took too long', options)
  }
  if (signal.aborted) {
    return new UpstreamFailure('timeout', 'upstream took too long', options)
  }
  if (error instanceof RequestError) {
    return new UpstreamFailure(causeOfCode(error.code), error.message, options)
  }
  return undefined
}

function isFailure(error: unknown): error is UpstreamFailure {
  return error instanceof UpstreamFailure
}
