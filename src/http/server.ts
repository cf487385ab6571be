import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import Router from '@koa/router'
import Koa from 'koa'
import type { Logger } from 'pino'
import { AppError, StartupError } from '../errors.ts'
import { asRequest, requestIdOf } from '../request-id.ts'
import type { EndedRequest } from '../telemetry/observer.ts'
import type { Authorize } from './auth.ts'
import { answerError } from './errors.ts'
import { type Receiving, receiving } from './receiving.ts'
import { restricted } from './restricted.ts'
import type { Answer, Route, RouteRequest } from './route.ts'
import { type Sent, send } from './send.ts'

export interface HttpServer {
  /** Takes no new connections, lets requests under way end, and cuts what is left after `deadlineMs`. */
  readonly close: (deadlineMs: number) => Promise<void>
}

export interface HttpServerOptions {
  readonly host: string
  readonly port: number
  readonly logger: Logger
  readonly authorize: Authorize
  /** Is told of each request when it has been answered, or broke off. */
  readonly onRequest: (request: EndedRequest) => void
  /** Tells an expected failure of what is behind the routes from a bug, which it gives back as it is. */
  readonly translate: (error: unknown) => unknown
}

const requestBody = { wholeMs: 30_000, bytesMax: 1024 * 1024, leftOverMs: 10_000 } as const

/**
 * Listens; to be called once everything behind the routes is ready.
 *
 * @throws StartupError when the address can't be had.
 */
export async function startHttpServer(
  routes: readonly Route[],
  options: HttpServerOptions,
): Promise<HttpServer> {
  const handle = createKoa(routes, options).callback()
  // Defaults that bound what a slow or idle client can hold; Node's own are 60 s, 300 s and no limit.
  // How long a body may take is up to its route: see receiving.ts.
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 0, keepAliveTimeout: 65_000 },
    (request, response) => void handle(request, response),
  )
  server.maxConnections = 2_000
  server.listen(options.port, options.host)
  await once(server, 'listening').catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    throw new StartupError(
      `Nothing can be served on ${options.host}:${options.port} (${reason}). ` +
        'Set HOST and PORT to an address of this machine that is free.',
    )
  })
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

interface State extends Sent {
  readonly requestId: string
  readonly received: Receiving
  /** What answered; undefined: nothing is there. */
  route?: Pick<Route, 'path' | 'surface'>
}

type Context = Koa.ParameterizedContext<State>

function createKoa(routes: readonly Route[], options: HttpServerOptions): Koa<State> {
  const { logger } = options
  const koa = new Koa<State>()
  koa.on('error', (error: unknown) => logger.warn({ err: error }, 'a response could not be sent'))
  koa.use(async (ctx, next) => {
    const requestId = requestIdOf(ctx.headers['x-request-id'])
    ctx.state = { requestId, sentBytes: 0, received: receiving(ctx.req, requestBody) }
    ctx.set('X-Request-Id', requestId)
    await asRequest(requestId, async () => await observed(ctx, next, options))
  })
  koa.use(async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      // Not from a route: a request that the router can't take apart.
      logger.warn({ err: error }, 'a request could not be routed')
      const malformed = new AppError('invalid_request', 'this request makes no sense here')
      await answer(ctx, unknownRoute(ctx, malformed), options)
    }
  })
  koa.use(createRouter(routes, options).routes())
  koa.use(async (ctx) => {
    const missing = new AppError('route_not_found', `Nothing is at ${ctx.path}`)
    await answer(ctx, unknownRoute(ctx, missing), options)
  })
  return koa
}

async function observed(
  ctx: Context,
  next: Koa.Next,
  { logger, onRequest }: HttpServerOptions,
): Promise<void> {
  const begunMs = performance.now()
  await next()
  const { method, path, status } = ctx
  const { route, sentBytes: bytes } = ctx.state
  const durationMs = performance.now() - begunMs
  const ended = { method, route: route?.path, status, durationMs, bytes }
  logger.info({ ...ended, path, durationMs: Math.round(durationMs) }, 'request')
  onRequest({ ...ended, surface: route?.surface })
}

function createRouter(routes: readonly Route[], options: HttpServerOptions): Router<State> {
  const router = new Router<State>()
  for (const route of routes) {
    router[route.method](route.path, async (ctx) => {
      ctx.state.route = route
      await answer(ctx, route, options)
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
      ctx.state.route = first
      await answer(ctx, { ...first, handle }, options)
    })
  }
  return router
}

function byPath(routes: readonly Route[]): ReadonlyMap<string, readonly [Route, ...Route[]]> {
  const map = new Map<string, readonly [Route, ...Route[]]>()
  for (const route of routes) map.set(route.path, [...(map.get(route.path) ?? []), route])
  return map
}

type Handled = Pick<Route, 'surface' | 'policy' | 'handle' | 'path'>

/** Below the API's root, what is there is shown to those only who may ask for it. */
function unknownRoute({ path }: Context, error: AppError): Handled {
  const isApi = /^\/api(?:\/|$)/i.test(path)
  return {
    surface: isApi ? 'api' : 'composer',
    policy: isApi ? 'admin' : 'open',
    path: '',
    async handle() {
      throw error
    },
  }
}

async function answer(
  ctx: Context,
  { surface, policy, handle, path }: Handled,
  { logger, authorize, translate }: HttpServerOptions,
): Promise<void> {
  const { requestId } = ctx.state
  let finish = asItIs
  try {
    const asked = requestOf(ctx)
    // In lower case, so that no handler which reads names that way can be asked around it.
    const vendor = /\/:vendor\b/.test(path) ? asked.param('vendor').toLowerCase() : undefined
    const { principal, isRestricted } = await authorize({ policy, surface, vendor }, ctx.headers)
    if (isRestricted) finish = restricted
    await send(ctx, finish(await handle({ ...asked, principal, requestId })))
  } catch (thrown) {
    const error = translate(thrown)
    if (ctx.res.destroyed && ctx.headerSent) return // The client left.
    if (!(error instanceof AppError)) {
      logger.error({ err: error, path: ctx.path }, `${ctx.method} ${ctx.path} failed`)
    }
    // Reset, not closed: where the length isn't told, an HTTP/1.0 client takes an end for the end.
    if (ctx.headerSent) ctx.res.socket?.resetAndDestroy()
    else await send(ctx, finish(answerError(error, { surface, requestId })))
  }
}

function asItIs(ready: Answer): Answer {
  return ready
}

function requestOf(ctx: Context): Omit<RouteRequest, 'principal' | 'requestId'> {
  // There only for what was routed.
  const params: Readonly<Record<string, string | undefined>> = ctx['params'] ?? {}
  return {
    method: ctx.method,
    param: (name) => params[name] ?? '',
    query: new URLSearchParams(ctx.querystring),
    headers: ctx.headers,
    httpVersion: ctx.req.httpVersion,
    body: ctx.state.received.whole,
    upload: (limits) => ({
      bytes: ctx.state.received.stream(limits),
      sizeBytes: announcedBytes(ctx),
    }),
  }
}

/** In digits, or Node would have refused the request. */
function announcedBytes({ headers }: Context): number | undefined {
  const { 'content-length': length } = headers
  return length === undefined ? undefined : Number(length)
}
