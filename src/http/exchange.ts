import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import { asRequest } from '../request-context.ts'
import { requestIdOf } from '../request-id.ts'
import type { EndedRequest } from '../telemetry/observer.ts'
import { type Receiving, receiving } from './receiving.ts'
import type { Route } from './route.ts'

/** One request, and what becomes of it. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Of the URL, as it was sent. */
  readonly path: string
  readonly querystring: string
  readonly requestId: string
  readonly received: Receiving
  readonly begunMs: number
  /** Of the body of the answer, so far. */
  sentBytes: number
  /** What answers; undefined: nothing is there. */
  route: Pick<Route, 'path' | 'surface'> | undefined
}

export interface ExchangeOptions {
  readonly logger: Logger
  /** Is told of each request when it has been answered, or broke off. */
  readonly onRequest: (request: EndedRequest) => void
}

const requestBody = { wholeMs: 30_000, bytesMax: 1024 * 1024, leftOverMs: 10_000 } as const

export function beginExchange(
  asked: Pick<Exchange, 'request' | 'response' | 'path' | 'querystring' | 'route'>,
): Exchange {
  const { request, response, path, querystring, route } = asked
  return {
    request,
    response,
    path,
    querystring,
    requestId: requestIdOf(request.headers['x-request-id']),
    received: receiving(request, requestBody),
    begunMs: performance.now(),
    sentBytes: 0,
    route,
  }
}

/** Has `work` answer. Rejects as it does. */
export async function duringExchange(
  exchange: Exchange,
  work: () => Promise<void>,
  options: ExchangeOptions,
): Promise<void> {
  await asRequest(exchange.requestId, work)
  endExchange(exchange, options)
}

/** Tells of it. */
export function endExchange(exchange: Exchange, { logger, onRequest }: ExchangeOptions): void {
  const { request, response, requestId, path, route, begunMs, sentBytes: bytes } = exchange
  const { method = '' } = request
  const { statusCode: status } = response
  const durationMs = performance.now() - begunMs
  const ended = { method, route: route?.path, status, durationMs, bytes }
  logger.info({ requestId, ...ended, path, durationMs: Math.round(durationMs) }, 'request')
  onRequest({ ...ended, surface: route?.surface })
}
