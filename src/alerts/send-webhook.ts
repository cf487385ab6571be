import { createHmac } from 'node:crypto'
import { got, type Response } from 'got'
import type { ProxyAgents } from '../upstream/proxies.ts'
import { type Instant, msOfInstant } from '../time-machine/instant.ts'

export interface Webhook {
  readonly url: string
  /** Signs what is sent, so that the receiver can tell that it is from here. */
  readonly secret: string
}

export interface SendOptions {
  readonly body: string
  readonly now: Instant
  readonly signal: AbortSignal
  /** What connects; without it, got's own choice. */
  readonly agents?: ProxyAgents | undefined
  /** For the head of the answer; 10 s without it. */
  readonly timeoutMs?: number
}

/** How a request ended; `problem` is without the URL, which may be a secret. */
export type Sent = { readonly ok: true } | { readonly ok: false; readonly problem: string }

/**
 * Makes one POST. Only a status of 2xx counts as taken; redirects are not followed, since the operator
 * named this URL and no other.
 */
export async function sendWebhook(
  { url, secret }: Webhook,
  { body, now, signal, agents, timeoutMs = 10_000 }: SendOptions,
): Promise<Sent> {
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Almanac',
    'x-almanac-signature': signature(body, { secret, now }),
  }
  const timeout = AbortSignal.timeout(timeoutMs)
  const stream = got.stream.post(url, {
    headers,
    body,
    ...(agents && { agent: agents }),
    followRedirect: false,
    throwHttpErrors: false,
    decompress: false,
    retry: { limit: 0 },
    signal: AbortSignal.any([signal, timeout]),
  })
  // It may fail again after everybody has stopped listening.
  stream.on('error', () => undefined)
  try {
    const { statusCode } = await new Promise<Response>((resolve, reject) => {
      stream.once('response', resolve).once('error', reject)
    })
    const isTaken = statusCode >= 200 && statusCode < 300
    return isTaken ? { ok: true } : { ok: false, problem: `status ${statusCode}` }
  } catch (error) {
    return { ok: false, problem: timeout.aborted ? 'no answer in time' : codeOf(error) }
  } finally {
    // What the receiver has to say may be without end.
    stream.destroy()
  }
}

/** `t=<Unix seconds>,v1=<HMAC-SHA-256 of "t.body", hex>`: the time is signed against being sent again. */
function signature(
  body: string,
  { secret, now }: { readonly secret: string; readonly now: Instant },
): string {
  const seconds = Math.floor(msOfInstant(now) / 1000)
  const digest = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')
  return `t=${seconds},v1=${digest}`
}

/** Messages of errors name the URL. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'the request failed'
}
