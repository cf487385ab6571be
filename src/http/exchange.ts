import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import { asRequest } from '../request-context.ts'
import { actorOf, nameOf, type Principal } from '../access/principal.ts'
import { requestIdOf } from '../request-id.ts'
import type { EndedRequest } from '../telemetry/observer.ts'
import type { ClientAddresses } from './client-addresses.ts'
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
  /** Its address, as far as it can be told. */
  readonly client: string | undefined
  /** undefined: it wasn't found out. */
  principal: Principal | undefined
  /** How it is answered, in a word: where the answer comes from, or the code of what is wrong. */
  decision: string | undefined
}

export interface ExchangeOptions {
  readonly addresses: Pick<ClientAddresses, 'ofHost'>
  readonly logger: Logger
  /** Is told of each request when it has been answered, or broke off. */
  readonly onRequest: (request: EndedRequest) => void
}

const requestBody = { wholeMs: 30_000, bytesMax: 1024 * 1024, leftOverMs: 10_000 } as const

export function beginExchange(
  asked: Pick<Exchange, 'request' | 'response' | 'path' | 'querystring' | 'route'>,
  { addresses }: Pick<ExchangeOptions, 'addresses'>,
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
    // While it is connected.
    client: addresses.ofHost(request),
    principal: undefined,
    decision: undefined,
  }
}

/** Has `work` answer. Rejects as it does. */
export async function duringExchange(
  exchange: Exchange,
  work: () => Promise<void>,
  options: ExchangeOptions,
): Promise<void> {
  const decided = await asRequest(exchange.requestId, work)
  exchange.decision ??= decided
  endExchange(exchange, options)
}

/** Tells of it. */
export function endExchange(exchange: Exchange, { logger, onRequest }: ExchangeOptions): void {
  const { request, response, requestId, path, route, begunMs, sentBytes: bytes } = exchange
  const { method = '' } = request
  const { statusCode: status } = response
  const durationMs = performance.now() - begunMs
  const ended = { method, route: route?.path, status, durationMs, bytes }
  const line = {
    requestId,
    ...ended,
    path,
    durationMs: Math.round(durationMs),
    ...whoAndHow(exchange),
  }
  logger.info(line, 'request')
  onRequest({ ...ended, surface: route?.surface })
}

function whoAndHow({ client, principal, decision }: Exchange): Readonly<Record<string, unknown>> {
  if (principal === undefined) return { client, decision }
  return { client, actor: actorOf(principal), tokenName: nameOf(principal), decision }
}
