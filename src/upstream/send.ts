import { lookup } from 'node:dns'
import { Agent as HttpAgent, type IncomingHttpHeaders } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Readable } from 'node:stream'
import { got, type Response, RequestError, TimeoutError } from 'got'
import { isOwnOrigin } from './address-guard.ts'
import { causeOfCode, causeOfPhase } from './causes.ts'
import { UpstreamFailure } from './failures.ts'
import { createPublicLookup, type Resolve } from './public-addresses.ts'
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

/**
 * Makes single requests: redirects are answers, and so is every status. All share their connections.
 * No proxy named in the environment is used.
 */
export function createSend(options: {
  readonly userAgent: string
  readonly upstreamUrl: string
  readonly resolve?: Resolve | undefined
}): Send {
  const { userAgent, upstreamUrl, resolve = lookup } = options
  const own = { http: new HttpAgent(keepAlive), https: new HttpsAgent(keepAlive) }
  // Whatever is asked through this one, it can't connect to an address that isn't public.
  const others = new HttpsAgent({ ...keepAlive, lookup: createPublicLookup(resolve) })
  const client = got.extend({
    headers: { 'user-agent': userAgent },
    throwHttpErrors: false,
    followRedirect: false,
    // Bodies are stored and checked as they came; what inflates them has a limit.
    decompress: false,
    retry: { limit: 0 },
  })
  return async (url, { method, headers, body, timeouts, signal }) => {
    const { connectMs, firstByteMs, idleMs } = timeouts
    const stream = client.stream(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      agent: isOwnOrigin(url, upstreamUrl) ? own : { http: false, https: others },
      timeout: {
        lookup: connectMs,
        connect: connectMs,
        secureConnect: connectMs,
        response: firstByteMs,
        socket: idleMs,
      },
      signal,
    })
    // It may fail again after everybody has stopped listening.
    stream.on('error', () => undefined)
    const response = await new Promise<Response>((resolved, reject) => {
      stream.once('response', resolved).once('error', reject)
    })
    const receivedBytes = () => stream.downloadProgress.transferred
    const { statusCode: status, headers: answered } = response
    const isAwaited = () =>
      !response.complete && response.readableLength === 0 && stream.readableLength === 0
    return { status, headers: answered, body: stream, receivedBytes, isAwaited }
  }
}

const keepAlive = { keepAlive: true, maxFreeSockets: 10 }

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
