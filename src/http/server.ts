import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import Router, { type RouterContext } from '@koa/router'
import Koa from 'koa'
import type { Logger } from 'pino'
import { AppError, StartupError } from '../errors.ts'
import { answerError } from './errors.ts'
import type { Answer, Route, RouteRequest } from './route.ts'

export interface HttpServer {
  /** Takes no new connections, lets requests under way end, and cuts what is left after `deadlineMs`. */
  readonly close: (deadlineMs: number) => Promise<void>
}

export interface HttpServerOptions {
  readonly host: string
  readonly port: number
  readonly logger: Logger
  /** Tells an expected failure of what is behind the routes from a bug, which it gives back as it is. */
  readonly translate: (error: unknown) => unknown
}

const requestBodyBytesMax = 1024 * 1024

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
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 65_000 },
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

function createKoa(routes: readonly Route[], options: HttpServerOptions): Koa {
  const { logger } = options
  const router = new Router()
  for (const route of routes) {
    router[route.method](route.path, async (ctx) => await answer(ctx, route, options))
  }
  const koa = new Koa()
  koa.on('error', (error: unknown) => logger.warn({ err: error }, 'a response could not be sent'))
  koa.use(async (ctx, next) => {
    const begun = process.hrtime.bigint()
    try {
      await next()
    } catch (error) {
      // Not from a route: a request that the router can't take apart.
      logger.warn({ err: error }, 'a request could not be routed')
      const malformed = new AppError('invalid_request', 'this request makes no sense here')
      await send(ctx, answerError(malformed, 'composer'))
    }
    const { method, path, status } = ctx
    const durationMs = Number((process.hrtime.bigint() - begun) / 1_000_000n)
    logger.info({ requestId: randomUUID(), method, path, status, durationMs }, 'request')
  })
  koa.use(router.routes())
  koa.use(router.allowedMethods())
  koa.use(async (ctx) => {
    const missing = new AppError('route_not_found', `Nothing is at ${ctx.path}`)
    await send(ctx, answerError(missing, 'composer'))
  })
  return koa
}

async function answer(
  ctx: RouterContext,
  route: Route,
  { logger, translate }: HttpServerOptions,
): Promise<void> {
  try {
    await send(ctx, await route.handle(requestOf(ctx)))
  } catch (thrown) {
    const error = translate(thrown)
    const failure = answerError(error, route.surface)
    if (isClientGone(error)) return
    if (!(error instanceof AppError)) {
      logger.error({ err: error, path: ctx.path }, `${ctx.method} ${ctx.path} failed`)
    }
    if (ctx.headerSent) ctx.res.destroy()
    else await send(ctx, failure)
  }
}

function isClientGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'
}

function requestOf(ctx: RouterContext): RouteRequest {
  const params: Readonly<Record<string, string | undefined>> = ctx.params
  return {
    method: ctx.method,
    param: (name) => params[name] ?? '',
    query: new URLSearchParams(ctx.querystring),
    headers: ctx.headers,
    body: async () => await readBody(ctx),
  }
}

async function readBody(ctx: RouterContext): Promise<Buffer> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of ctx.req) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('a request body is read as bytes')
    sizeBytes += chunk.length
    if (sizeBytes > requestBodyBytesMax) {
      throw new AppError('too_large', `a request body may have ${requestBodyBytesMax} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function send(ctx: Koa.Context, { status, headers, body }: Answer): Promise<void> {
  ctx.status = status
  ctx.set({ 'X-Content-Type-Options': 'nosniff', ...headers })
  if (body === undefined || Buffer.isBuffer(body)) {
    ctx.body = body ?? null
    // Koa turns an empty body into 204 and drops its headers.
    ctx.status = status
    if (headers['Content-Type'] !== undefined) ctx.set('Content-Type', headers['Content-Type'])
    return
  }
  ctx.respond = false
  ctx.res.writeHead(status)
  if (ctx.method === 'HEAD') ctx.res.end()
  else await stream(body, ctx.res)
}

/** By hand: a pipeline of streams around an iterable cost more than all the rest of a small answer. */
async function stream(body: AsyncIterable<Buffer>, response: ServerResponse): Promise<void> {
  for await (const piece of body) {
    if (!response.write(piece)) await drained(response)
    if (response.destroyed) return // The client left; this ends the iteration too.
  }
  response.end()
}

async function drained(response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    function done(): void {
      response.off('drain', done).off('close', done)
      resolve()
    }
    if (response.destroyed) resolve()
    else response.on('drain', done).on('close', done)
  })
}
