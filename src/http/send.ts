import type { ServerResponse } from 'node:http'
import type { Exchange } from './exchange.ts'
import type { Answer } from './route.ts'

type Sending = Pick<Exchange, 'response' | 'requestId' | 'sentBytes'> & {
  readonly request: Pick<Exchange['request'], 'method'>
}

/**
 * Past Koa, which would look at a body to find out what it is; here that is known.
 *
 * @returns undefined when it was sent at once.
 */
export function send(exchange: Sending, answer: Answer): Promise<void> | undefined {
  const { request, response } = exchange
  const { headers, body } = answer
  writeHead(exchange, answer)
  if (body === undefined || request.method === 'HEAD') response.end()
  else if (Buffer.isBuffer(body)) {
    exchange.sentBytes = body.length
    response.end(body)
    // Mostly the system has taken all of it.
    if (response.writableLength > 0) closeUnlessTaken(response, body.length)
  } else return stream(body, exchange, Number(headers['Content-Length']))
  return undefined
}

function writeHead({ response, requestId }: Sending, { status, headers, body }: Answer): void {
  // All at once: setting each on its own has Node keep them in a map first.
  const lines = ['X-Request-Id', requestId, 'X-Content-Type-Options', 'nosniff']
  for (const name in headers) lines.push(name, headers[name] ?? '')
  if (Buffer.isBuffer(body) && headers['Content-Length'] === undefined) {
    lines.push('Content-Length', String(body.length))
  }
  response.writeHead(status, lines)
}

/**
 * By hand: a pipeline of streams around an iterable cost more than all the rest of a small answer.
 *
 * @param totalBytes NaN when it isn't known.
 */
async function stream(
  body: AsyncIterable<Buffer>,
  exchange: Pick<Sending, 'response' | 'sentBytes'>,
  totalBytes: number,
): Promise<void> {
  const { response } = exchange
  for await (const piece of body) {
    exchange.sentBytes += piece.length
    await written(response, piece, exchange.sentBytes === totalBytes)
    if (response.destroyed) return // The client left; this ends the iteration too.
  }
  if (!response.writableEnded) response.end()
}

/** A client that takes less, for so long, is gone; it must not keep what it was to get in memory. */
const bytesPerMsMin = 16
const stalledMsMax = 60_000

/** Until the system has all of it, or the client has left. */
async function written(response: ServerResponse, piece: Buffer, isLast: boolean): Promise<void> {
  if (response.destroyed) return
  await new Promise<void>((resolve) => {
    let taken: (() => void) | undefined
    function done(): void {
      taken?.()
      response.off('close', done)
      resolve()
    }
    if (isLast) response.end(piece, done)
    else response.write(piece, done)
    // The last is sent at once, and mostly the system takes all of it.
    if (response.writableLength === 0) return resolve()
    taken = closeUnlessTaken(response, piece.length)
    response.on('close', done)
  })
}

/** To be called back when the client has taken so many bytes, unless its connection has been closed before. */
function closeUnlessTaken(response: ServerResponse, bytes: number): () => void {
  const patienceMs = stalledMsMax + bytes / bytesPerMsMin
  // A connection that is open keeps the process; once it is lost, nothing has to.
  const stalled = setTimeout(() => response.destroy(), patienceMs).unref()
  function taken(): void {
    clearTimeout(stalled)
    response.off('close', taken)
  }
  response.on('close', taken)
  return taken
}
