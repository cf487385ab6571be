import type { ServerResponse } from 'node:http'
import type Koa from 'koa'
import type { Answer } from './route.ts'

/** Counts what is sent of bodies. */
export interface Sent {
  sentBytes: number
}

export async function send(
  ctx: Koa.ParameterizedContext<Sent>,
  { status, headers, body }: Answer,
): Promise<void> {
  ctx.status = status
  ctx.set({ 'X-Content-Type-Options': 'nosniff', ...headers })
  if (body === undefined || Buffer.isBuffer(body)) {
    ctx.body = body ?? null
    // Koa turns an empty body into 204 and drops its headers.
    ctx.status = status
    if (headers['Content-Type'] !== undefined) ctx.set('Content-Type', headers['Content-Type'])
    if (ctx.method !== 'HEAD') ctx.state.sentBytes = body?.length ?? 0
    return
  }
  ctx.respond = false
  ctx.res.writeHead(status)
  if (ctx.method === 'HEAD') ctx.res.end()
  else await stream(body, ctx.res, ctx.state)
}

/** By hand: a pipeline of streams around an iterable cost more than all the rest of a small answer. */
async function stream(
  body: AsyncIterable<Buffer>,
  response: ServerResponse,
  sent: Sent,
): Promise<void> {
  for await (const piece of body) {
    sent.sentBytes += piece.length
    await written(response, piece)
    if (response.destroyed) return // The client left; this ends the iteration too.
  }
  response.end()
}

/** A client that takes less, for so long, is gone; it must not keep what it was to get in memory. */
const bytesPerMsMin = 16
const stalledMsMax = 60_000

/** Until the system has all of it, or the client has left. */
async function written(response: ServerResponse, piece: Buffer): Promise<void> {
  const stalled = setTimeout(() => response.destroy(), stalledMsMax + piece.length / bytesPerMsMin)
  await new Promise<void>((resolve) => {
    function done(): void {
      clearTimeout(stalled)
      response.off('close', done)
      resolve()
    }
    if (response.destroyed) return done()
    response.on('close', done)
    response.write(piece, done)
  })
}
