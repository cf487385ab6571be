import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { Answer } from './answers.ts'

/**
 * Wrong in its content: `status` (503 unless told otherwise), `garbage-json` (ends in the middle),
 * `html` (a login page, with status 200),
 * `gzip-bomb` (half a gigabyte of blanks in half a megabyte), `redirect-loop`, `own-words` (`body`, with
 * `headers` over those of the right answer).
 */
type ContentFault = 'status' | 'garbage-json' | 'html' | 'gzip-bomb' | 'redirect-loop' | 'own-words'

/**
 * Wrong on its way: `reset`, `hang` (no answer at all), `truncate` (half of what Content-Length
 * promises), `close-delimited-short` (half of it, without a length, ended cleanly), `slow` (in ten
 * parts), `halfway` (the second half comes when the test says so).
 */
type DeliveryFault = 'reset' | 'hang' | 'truncate' | 'close-delimited-short' | 'slow' | 'halfway'

/** Right, but of some time ago, as from an edge server that is behind. */
type LagFault = 'outdated'

export interface Fault {
  /** Of the request's path with its query. */
  readonly match: RegExp
  readonly mode: ContentFault | DeliveryFault | LagFault
  readonly status?: number
  readonly retryAfterSeconds?: number
  /** How many requests it hits; all, when not given. */
  readonly times?: number
  /** `slow`: between two parts of the body (100). */
  readonly delayMs?: number
  /** `halfway`: the rest comes when it resolves. */
  readonly until?: Promise<unknown>
  /** `outdated`: how long ago (60). */
  readonly behindSeconds?: number
  /** `own-words`: what is sent instead, gzipped to whoever accepts it. */
  readonly body?: string | Buffer
  /** `own-words`: by their names in lower case. */
  readonly headers?: Readonly<Record<string, string>>
}

/** The answer with what is wrong about its content. */
export function spoil(answer: Answer, fault: Fault, path: string): Answer {
  return isContentFault(fault.mode) ? spoilers[fault.mode](answer, fault, path) : answer
}

/** Sends the answer, in the way the fault wants. Returns the status that went out, if any did. */
export async function deliver(
  response: ServerResponse,
  answer: Answer,
  fault: Fault | undefined,
): Promise<number | undefined> {
  if (fault !== undefined && isDeliveryFault(fault.mode)) {
    return await deliveries[fault.mode](response, answer, fault)
  }
  response.writeHead(answer.status, headersOf(answer))
  response.end(answer.body)
  return answer.status
}

type Spoiler = (answer: Answer, fault: Fault, path: string) => Answer

const spoilers: Readonly<Record<ContentFault, Spoiler>> = {
  status(_, { status = 503, retryAfterSeconds }) {
    const answer = text(`the stub answers ${status}`, 'text/plain', status)
    if (retryAfterSeconds === undefined) return answer
    return { ...answer, headers: { ...answer.headers, 'retry-after': `${retryAfterSeconds}` } }
  },
  'garbage-json': ({ body }) => text(half(body), 'application/json'),
  html: () => text('<!doctype html><title>Log in</title><p>Please log in', 'text/html'),
  'gzip-bomb': () => ({
    ...text(gzipBomb(), 'application/json'),
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
  }),
  'redirect-loop': (_, __, path) => ({
    ...text('', 'text/plain', 302),
    headers: { location: path },
  }),
  'own-words'(answer, { body = '', headers = {}, status = 200 }) {
    const own = text(body, 'application/json', status)
    return { ...own, headers: { ...answer.headers, ...own.headers, ...headers } }
  },
}

type Delivery = (
  response: ServerResponse,
  answer: Answer,
  fault: Fault,
) => Promise<number | undefined>

const deliveries: Readonly<Record<DeliveryFault, Delivery>> = {
  async reset(response) {
    response.socket?.resetAndDestroy()
    return undefined
  },
  hang: async () => undefined,
  async truncate(response, answer) {
    response.writeHead(answer.status, headersOf({ ...answer, hasLength: true }))
    response.write(half(answer.body), () => response.socket?.destroy())
    return answer.status
  },
  async 'close-delimited-short'(response, answer) {
    response.socket?.end(Buffer.concat([bareHead(answer), half(answer.body)]))
    return answer.status
  },
  async slow(response, answer, { delayMs = 100 }) {
    response.writeHead(answer.status, headersOf(answer))
    await trickle(response, answer.body, delayMs)
    return answer.status
  },
  async halfway(response, answer, { until }) {
    response.writeHead(answer.status, headersOf(answer))
    response.write(half(answer.body))
    await until
    response.end(answer.body.subarray(half(answer.body).length))
    return answer.status
  },
}

function isContentFault(mode: Fault['mode']): mode is ContentFault {
  return mode in spoilers
}

function isDeliveryFault(mode: Fault['mode']): mode is DeliveryFault {
  return mode in deliveries
}

function half(body: Buffer): Buffer {
  return body.subarray(0, Math.ceil(body.length / 2))
}

function headersOf({ status, headers, body, hasLength }: Answer): Record<string, string> {
  if (!hasLength || status === 304) return { ...headers }
  return { ...headers, 'content-length': `${body.length}` }
}

/** Written by hand: Node's own would add a length or chunks, and so show that something is missing. */
function bareHead({ status, headers }: Answer): Buffer {
  const lines = Object.entries(headers).map(([key, value]) => `${key}: ${value}\r\n`)
  return Buffer.from(`HTTP/1.1 ${status} OK\r\n${lines.join('')}connection: close\r\n\r\n`)
}

async function trickle(response: ServerResponse, body: Buffer, delayMs: number): Promise<void> {
  const partBytes = Math.ceil(body.length / 10)
  for (let sent = 0; sent < body.length && !response.destroyed; sent += partBytes) {
    response.write(body.subarray(sent, sent + partBytes))
    await delay(delayMs)
  }
  response.end()
}

/** Gzip members may follow each other, so one of 16 MiB of blanks is enough. */
function gzipBomb(): Buffer {
  const member = gzipSync(Buffer.alloc(16 * 1024 * 1024, ' '))
  return Buffer.concat(Array.from({ length: 32 }, () => member))
}

function text(body: string | Buffer, contentType: string, status = 200): Answer {
  return {
    status,
    headers: { 'content-type': contentType },
    body: Buffer.from(body),
    hasLength: true,
  }
}
