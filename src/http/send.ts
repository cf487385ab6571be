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

/**
 * What a client hasn't taken yet, beyond which nothing more is asked for. Pieces are slices of what is in
 * memory anyway: to wait for each of them took a third longer.
 */
const waitingBytesMax = 512 * 1024

/** By hand: a pipeline of streams around an iterable cost more than all the rest of a small answer. */
async function stream(
  body: AsyncIterable<Buffer>,
  response: ServerResponse,
  sent: Sent,
): Promise<void> {
  for await (const piece of body) {
    sent.sentBytes += piece.length
    response.write(piece)
    if (response.writableLength > waitingBytesMax) await drained(response)
    if (response.destroyed) return // The client left; this ends the iteration too.
  }
  response.end()
}

/** A client that takes nothing for so long is gone; it must not keep what it was to get in memory. */
const stalledMsMax = 60_000

async function drained(response: ServerResponse): Promise<void> {
  const stalled = setTimeout(() => response.destroy(), stalledMsMax)
  await new Promise<void>((resolve) => {
    function done(): void {
      clearTimeout(stalled)
      response.off('drain', done).off('close', done)
      resolve()
    }
    if (response.destroyed) done()
    else response.on('drain', done).on('close', done)
  })
}
