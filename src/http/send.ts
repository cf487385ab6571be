import type { ServerResponse } from 'node:http'
import type Koa from 'koa'
import type { Answer } from './route.ts'

/** Counts what is sent of bodies. */
export interface Sent {
  sentBytes: number
}

/** Past Koa, which would look at a body to find out what it is; here that is known. */
export async function send(
  ctx: Koa.ParameterizedContext<Sent>,
  { status, headers, body }: Answer,
): Promise<void> {
  const { res: response, method, state: sent } = ctx
  ctx.respond = false
  response.statusCode = status
  response.setHeader('X-Content-Type-Options', 'nosniff')
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  if (Buffer.isBuffer(body)) response.setHeader('Content-Length', body.length)
  if (body === undefined || method === 'HEAD') response.end()
  else if (Buffer.isBuffer(body)) {
    sent.sentBytes = body.length
    response.end(body)
  } else {
    // From here on, what goes wrong cuts the answer off.
    response.writeHead(status)
    await stream(body, response, sent)
  }
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
