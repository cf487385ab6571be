import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import Router from '@koa/router'
import Koa from 'koa'
import { AppError } from '../errors.ts'
import type { Repeats } from './again.ts'
import { type AnswerFrom, createAnswerFrom, type Handled } from './answer.ts'
import type { Authorize } from './auth.ts'
import type { ClientAddresses } from './client-addresses.ts'
import { createConnections, type ConnectionsOptions } from './connections.ts'
import { answerError } from './errors.ts'
import { beginExchange, duringExchange, type Exchange, type ExchangeOptions } from './exchange.ts'
import { listen } from './listen.ts'
import { createFail, type FailOptions } from './fail.ts'
import { withMergedSlashes } from './merged-slashes.ts'
import type { Answer, Route, RouteRequest } from './route.ts'
import { createStraight } from './straight.ts'

export interface HttpServer {
  /** Takes no new connections, lets requests under way end, and cuts what is left after `deadlineMs`. */
  readonly close: (deadlineMs: number) => Promise<void>
}

export interface HttpServerOptions extends ExchangeOptions, FailOptions {
  readonly host: string
  readonly port: number
  readonly repeats: Repeats
  readonly authorize: Authorize
  /** For tests, which open fewer. */
  readonly limits?: Pick<ConnectionsOptions, 'connectionsMax' | 'reservedMax'> | undefined
  readonly addresses: ClientAddresses
  readonly publicOrigin: string | undefined
}

/** A connection takes some 30 KB, and a process may mostly have 4,096 files open or more. */
const connectionLimits = { connectionsMax: 2_000, reservedMax: 20 } as const

/**
 * Listens; to be called once everything behind the routes is ready.
 *
 * @throws StartupError when the address can't be had.
 */
export async function startHttpServer(
  routes: readonly Route[],
  options: HttpServerOptions,
): Promise<HttpServer> {
  const { logger, addresses, limits = connectionLimits } = options
  const connections = createConnections({ ...limits, sharerOf: addresses.ofSharer, logger })
  const handle = createHandler(routes, options)
  const refuse = createRefuse(options)
  // Defaults that bound what a slow or idle client can hold; Node's own are 60 s, 300 s and no limit.
  // How long a body may take is up to its route: see receiving.ts.
  const server = createServer(
    {
      headersTimeout: 10_000,
      requestTimeout: 0,
      keepAliveTimeout: 65_000,
      connectionsCheckingInterval: 2_000,
    },
    (request, response) => {
      request.url = withMergedSlashes(request.url ?? '')
      if (!connections.began(request, response)) return
      const isRefused = connections.isForProbes(request.socket) && !isProbe(request)
      if (isRefused) refuse(request, response)
      else handle(request, response)
    },
  )
  server.on('connection', connections.opened)
  await listen(server, options)
  return { close: async (deadlineMs) => await close(server, deadlineMs) }
}

async function close(server: Server, deadlineMs: number): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  const deadline = setTimeout(() => server.closeAllConnections(), deadlineMs)
  // A connection that was busy when close() began is idle, but open, after its answer.
  const idle = setInterval(() => server.closeIdleConnections(), 100)
  await closed
  clearTimeout(deadline)
  clearInterval(idle)
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void

function createHandler(routes: readonly Route[], options: HttpServerOptions): Listener {
  const fail = createFail(options)
  const answerFrom = createAnswerFrom({ ...options, fail })
  const answeredStraight = createStraight(routes, { ...options, answerFrom, fail })
  const throughKoa = createKoa(routes, { ...options, answerFrom }).callback()
  return (request, response) => {
    if (!answeredStraight(request, response)) void throughKoa(request, response)
  }
}

function isProbe({ url = '' }: IncomingMessage): boolean {
  return url === '/livez' || url === '/readyz'
}

/** Answers in the places that are for probes whoever isn't one. */
function createRefuse(options: HttpServerOptions): Listener {
  const { logger } = options
  const fail = createFail(options)
  const thrown = new AppError('no_connection_left', 'too many connections are open: try again')
  return (request, response) => {
    const { url: path = '' } = request
    response.on('error', (error) => logger.warn({ err: error }, 'a response could not be sent'))
    response.shouldKeepAlive = false
    const asked = { request, response, path, querystring: '', route: undefined }
    const exchange = beginExchange(asked, options)
    const work = async () => await fail(exchange, { thrown, surface: 'composer' })
    void duringExchange(exchange, work, options)
  }
}

interface State {
  exchange: Exchange
}

type Context = Koa.ParameterizedContext<State>

interface KoaOptions extends ExchangeOptions {
  readonly answerFrom: AnswerFrom
}

function createKoa(routes: readonly Route[], options: KoaOptions): Koa<State> {
  const { logger, answerFrom } = options
  const koa = new Koa<State>()
  koa.on('error', (error: unknown) => logger.warn({ err: error }, 'a response could not be sent'))
  koa.use(async (ctx, next) => {
    // What is sent is up to `send`: Koa would look at a body to find out what it is.
    ctx.respond = false
    const { req: request, res: response, path, querystring } = ctx
    const asked = { request, response, path, querystring, route: undefined }
    const exchange = beginExchange(asked, options)
    ctx.state.exchange = exchange
    await duringExchange(exchange, next, options)
  })
  koa.use(async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      // Not from a route: a request that the router can't take apart.
      logger.warn({ err: error }, 'a request could not be routed')
      const malformed = new AppError('invalid_request', 'this request makes no sense here')
      await answerFrom(ctx.state.exchange, unknownRoute(ctx, malformed), { params: {} })
    }
  })
  koa.use(createRouter(routes, answerFrom).routes())
  koa.use(async (ctx) => {
    const missing = new AppError('route_not_found', `Nothing is at ${ctx.path}`)
    await answerFrom(ctx.state.exchange, unknownRoute(ctx, missing), { params: {} })
  })
  return koa
}

function createRouter(routes: readonly Route[], answerFrom: AnswerFrom): Router<State> {
  const router = new Router<State>()
  for (const route of routes) {
    router[route.method](route.path, async (ctx) => {
      ctx.state.exchange.route = route
      await answerFrom(ctx.state.exchange, route, { params: ctx.params })
    })
  }
  for (const [path, [first, ...others]] of byPath(routes)) {
    const allowed = [first, ...others].map(({ method }) => method.toUpperCase()).join(', ')
    const refused = new AppError('method_not_allowed', `this takes ${allowed} only`)
    const handle = async ({ requestId }: RouteRequest): Promise<Answer> => {
      const { headers, ...rest } = answerError(refused, { surface: first.surface, requestId })
      return { ...rest, headers: { ...headers, Allow: allowed } }
    }
    router.all(path, async (ctx) => {
      ctx.state.exchange.route = first
      await answerFrom(
        ctx.state.exchange,
        { ...first, handle, takes: 'anything' },
        { params: ctx.params },
      )
    })
  }
  return router
}

function byPath(routes: readonly Route[]): ReadonlyMap<string, readonly [Route, ...Route[]]> {
  const map = new Map<string, readonly [Route, ...Route[]]>()
  for (const route of routes) map.set(route.path, [...(map.get(route.path) ?? []), route])
  return map
}

/** Below the API's root, what is there is shown to those only who may ask for it. */
function unknownRoute({ path }: Context, error: AppError): Handled {
  const isApi = /^\/api(?:\/|$)/i.test(path)
  return {
    surface: isApi ? 'api' : 'composer',
    policy: isApi ? 'admin' : 'open',
    path: '',
    takes: 'anything',
    async handle() {
      throw error
    },
  }
}
