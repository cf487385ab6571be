import { type PackageName, parsePackageName } from '../composer/names.ts'
import { asksAs } from '../request-context.ts'
import type { Authorize } from './auth.ts'
import type { ClientAddresses } from './client-addresses.ts'
import type { Exchange } from './exchange.ts'
import type { Fail } from './fail.ts'
import { restricted } from './restricted.ts'
import type { Answer, Route, RouteRequest } from './route.ts'
import { refuseCrossSite } from './same-site.ts'
import { send } from './send.ts'
import { refuseUnstorable } from './text.ts'

export interface AnswerOptions {
  readonly authorize: Authorize
  readonly addresses: Pick<ClientAddresses, 'ofClient'>
  /** Of PUBLIC_URL; undefined: it isn't set. */
  readonly publicOrigin: string | undefined
  readonly fail: Fail
}

/** What answers; of a route, or in place of one. */
export type Handled = Pick<Route, 'surface' | 'policy' | 'handle' | 'path' | 'takes'>

/** Parts of the path by the names that the route's path gives them, decoded. */
export type Params = Readonly<Record<string, string | undefined>>

export interface Answering {
  readonly params: Params
  /** Gets the answer when it may be given again to anybody. */
  readonly keep?: ((answer: Answer) => void) | undefined
}

/** Has the route answer, if who asks may; whatever goes wrong is an answer too. */
export type AnswerFrom = (
  exchange: Exchange,
  handled: Handled,
  answering: Answering,
) => Promise<void>

export function createAnswerFrom(options: AnswerOptions): AnswerFrom {
  const { authorize, addresses, publicOrigin, fail } = options
  /** Calls `onRestricted` as soon as it is known that not everybody would be answered. */
  async function make(
    exchange: Exchange,
    { surface, policy, handle, path, takes = 'application/json' }: Handled,
    { params, onRestricted }: Answering & { readonly onRestricted: () => void },
  ): Promise<Answer> {
    const request = requestOf(exchange, params)
    refuseUnstorable([...Object.values(params), ...[...request.query].flat()])
    // In lower case, so that no handler which reads names that way can be asked around it.
    const vendor = namesVendor(path) ? (params['vendor'] ?? '').toLowerCase() : undefined
    const { headers, method } = request
    refuseCrossSite({ method, headers, takes }, publicOrigin)
    const sender = { headers, address: addresses.ofClient(exchange.request) }
    const packageName = vendor === undefined ? undefined : packageIn(vendor, params)
    const access = { policy, surface, vendor, packageName }
    const { isRestricted, ...who } = await authorize(access, sender)
    exchange.principal = who.principal
    if (isRestricted) onRestricted()
    asksAs(who.client)
    return await handle({ ...request, ...who })
  }

  return async (exchange, handled, answering) => {
    let isRestricted = false
    const onRestricted = () => (isRestricted = true)
    const finish = (ready: Answer) => (isRestricted ? restricted(ready) : ready)
    try {
      const made = await make(exchange, handled, { ...answering, onRestricted })
      if (!isRestricted && made.onAgain !== undefined) answering.keep?.(made)
      await send(exchange, finish(made))
    } catch (thrown) {
      await fail(exchange, { thrown, surface: handled.surface, finish })
    }
  }
}

function namesVendor(path: string): boolean {
  return path.includes('/:vendor')
}

/** The one that a path with a vendor in it is about: `log` is in `:package`, in `log.json` and in `log~dev.json`. */
function packageIn(vendor: string, { package: name, file = '' }: Params): PackageName | undefined {
  return parsePackageName(vendor, (name ?? file.replace(/(?:~dev)?(?:\.json)?$/, '')).toLowerCase())
}

function requestOf(exchange: Exchange, params: Params): Omit<RouteRequest, 'principal' | 'client'> {
  const { request, requestId, querystring, received } = exchange
  return {
    method: request.method ?? '',
    param: (name) => params[name] ?? '',
    query: new URLSearchParams(querystring),
    headers: request.headers,
    httpVersion: request.httpVersion,
    body: received.whole,
    upload: (limits) => ({ bytes: received.stream(limits), sizeBytes: announcedBytes(request) }),
    requestId,
  }
}

/** In digits, or Node would have refused the request. */
function announcedBytes({ headers }: Exchange['request']): number | undefined {
  const { 'content-length': length } = headers
  return length === undefined ? undefined : Number(length)
}
