import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { Answer } from './answers.ts'

/**
 * What can go wrong.
 *
 * In the answer: `status` (503 unless told otherwise), `garbage-json` (ends in the middle), `html`
 * (a proxy's page, with status 200), `wrong-package` (a document of another package), `gzip-bomb`
 * (half a gigabyte of blanks in half a megabyte), `redirect-loop`.
 *
 * On the way: `reset`, `hang` (no answer at all), `truncate` (half of what Content-Length promises),
 * `close-delimited-short` (half the body, without a length, ended cleanly), `slow` (in ten parts).
 */
export type FaultMode =
  | 'status'
  | 'garbage-json'
  | 'html'
  | 'wrong-package'
  | 'gzip-bomb'
  | 'redirect-loop'
  | 'reset'
  | 'hang'
  | 'truncate'
  | 'close-delimited-short'
  | 'slow'

export interface Fault {
  /** Of the request's path with its query. */
  readonly match: RegExp
  readonly mode: FaultMode
  readonly status?: number
  readonly retryAfterSeconds?: number
  /** How many requests it hits; all, when not given. */
  readonly times?: number
  /** `slow`: between two parts of the body (100). */
  readonly delayMs?: number
}

/** The answer with what is wrong about its content. */
export function spoil(answer: Answer, fault: Fault, path: string): Answer {
  switch (fault.mode) {
    case 'status':
      return {
        ...text(`the stub answers ${fault.status ?? 503}`, 'text/plain', fault.status ?? 503),
        ...(fault.retryAfterSeconds !== undefined && {
          headers: { 'content-type': 'text/plain', 'retry-after': `${fault.retryAfterSeconds}` },
        }),
      }
    case 'garbage-json':
      return text(answer.body.subarray(0, answer.body.length / 2), 'application/json')
    case 'html':
      return text('<!doctype html><title>Log in</title><p>Please log in', 'text/html')
    case 'wrong-package':
      return text(renamed(answer.body), 'application/json')
    case 'gzip-bomb':
      return {
        ...text(gzipBomb(), 'application/json'),
        headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      }
    case 'redirect-loop':
      return { ...text('', 'text/plain', 302), headers: { location: path } }
    case 'reset':
    case 'hang':
    case 'truncate':
    case 'close-delimited-short':
    case 'slow':
      return answer
  }
}

/** Sends the answer, in the way the fault wants. Returns the status that went out, if any did. */
export async function deliver(
  response: ServerResponse,
  answer: Answer,
  fault: Fault | undefined,
): Promise<number | undefined> {
  const { status, body } = answer
  const headers = headersOf(answer)
  const half = body.subarray(0, body.length / 2)
  if (fault?.mode === 'hang') return undefined
  if (fault?.mode === 'reset') {
    response.socket?.resetAndDestroy()
    return undefined
  }
  if (fault?.mode === 'truncate') {
    response.writeHead(status, { ...headers, 'content-length': body.length })
    response.write(half, () => response.socket?.destroy())
  } else if (fault?.mode === 'close-delimited-short') {
    response.socket?.end(Buffer.concat([Buffer.from(bareHead(status, headers)), half]))
  } else if (fault?.mode === 'slow') {
    response.writeHead(status, headers)
    await trickle(response, body, fault.delayMs ?? 100)
  } else {
    response.writeHead(status, headers)
    response.end(body)
  }
  return status
}

function headersOf({ status, headers, body, hasLength }: Answer): Record<string, string> {
  if (!hasLength || status === 304) return { ...headers }
  return { ...headers, 'content-length': `${body.length}` }
}

/** Written by hand: Node's own would add a length or chunks, and so show that something is missing. */
function bareHead(status: number, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ ...headers, connection: 'close' })
    .filter(([key]) => key !== 'content-length')
    .map(([key, value]) => `${key}: ${value}`)
  return `HTTP/1.1 ${status} OK\r\n${lines.join('\r\n')}\r\n\r\n`
}

async function trickle(response: ServerResponse, body: Buffer, delayMs: number): Promise<void> {
  const partBytes = Math.ceil(body.length / 10)
  for (let sent = 0; sent < body.length && !response.destroyed; sent += partBytes) {
    response.write(body.subarray(sent, sent + partBytes))
    await delay(delayMs)
  }
  response.end()
}

function renamed(document: Buffer): string {
  const { packages, ...rest } = JSON.parse(document.toString()) as { packages: object }
  return JSON.stringify({ ...rest, packages: { 'other/package': Object.values(packages)[0] } })
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
