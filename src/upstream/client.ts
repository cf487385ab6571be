import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import {
  got,
  MaxRedirectsError,
  ReadError,
  RequestError,
  TimeoutError,
  type ExtendOptions,
  type Got,
} from 'got'
import type { FetchFailure } from '../events/types.ts'
import { RefusedAddress, type AddressGuard } from './address-guard.ts'

export interface UpstreamClientOptions {
  readonly userAgent: string
  /** For one request with its redirects, headers and body. */
  readonly timeoutMs: number
  readonly guard: AddressGuard
}

/** Packagist asks for at most 10 requests at once; more of ours wait in the agent's queue. */
const connectionsMax = 10
const redirectsMax = 5
const connectTimeoutMs = 5_000

/** The one HTTP client that talks to upstream. It never throws for a status and never sends cookies. */
export function createUpstreamClient(options: UpstreamClientOptions): Got {
  const { userAgent, timeoutMs, guard } = options
  const agentOptions = { keepAlive: true, maxSockets: connectionsMax, maxTotalSockets: 20 }
  const settings: ExtendOptions = {
    agent: { http: new HttpAgent(agentOptions), https: new HttpsAgent(agentOptions) },
    headers: { 'user-agent': userAgent },
    throwHttpErrors: false,
    maxRedirects: redirectsMax,
    // Bodies are stored and checked as they came; what inflates them has a limit.
    decompress: false,
    retry: { limit: 0 },
    timeout: {
      lookup: Math.min(connectTimeoutMs, timeoutMs),
      connect: Math.min(connectTimeoutMs, timeoutMs),
      secureConnect: Math.min(connectTimeoutMs, timeoutMs),
      request: timeoutMs,
    },
    hooks: {
      beforeRequest: [({ url }) => guard.check(asUrl(url))],
      beforeRedirect: [({ url }) => guard.check(asUrl(url))],
    },
  }
  return got.extend(settings)
}

function asUrl(url: URL | string | undefined): URL {
  return new URL(url ?? 'about:blank')
}

/** An answer that is larger than its limit. */
export class TooLarge extends Error {
  override readonly name = 'TooLarge'
}

/** Which kind of failure a request ended in; an error that isn't upstream's is thrown on. */
export function failureOf(error: unknown): FetchFailure {
  if (error instanceof TooLarge) return 'too_large'
  if (error instanceof TimeoutError) return 'timeout'
  if (error instanceof MaxRedirectsError || causeOf(error) instanceof RefusedAddress) {
    return 'redirects'
  }
  if (error instanceof ReadError || error instanceof RequestError) return 'connection'
  throw error
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined
}

export interface BodyOptions {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
  readonly sizeBytesMax: number
}

export interface UpstreamAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** As it came: still encoded. */
  readonly body: Buffer
}

/**
 * One request, its whole answer in memory.
 *
 * @throws TooLarge when the body passes `sizeBytesMax`, which is counted as it arrives; got's errors
 * when no complete answer came (a body shorter than its Content-Length is none).
 */
export async function requestBody(
  client: Got,
  url: string,
  options: BodyOptions,
): Promise<UpstreamAnswer> {
  const { method = 'GET', headers = {}, body, sizeBytesMax } = options
  const limit = new AbortController()
  const request = client(url, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
    responseType: 'buffer',
    signal: limit.signal,
  })
  void request.on('downloadProgress', ({ transferred }) => {
    if (transferred > sizeBytesMax) limit.abort()
  })
  try {
    const answer = await request
    return { status: answer.statusCode, headers: answer.headers, body: answer.rawBody }
  } catch (error) {
    if (limit.signal.aborted)
      throw new TooLarge(`more than ${sizeBytesMax} bytes`, { cause: error })
    throw error
  }
}
