import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAddressGuard, noOthers } from '../../src/upstream/address-guard.ts'
import {
  createUpstream,
  requestBody,
  type Upstream,
  type UpstreamClient,
} from '../../src/upstream/client.ts'
import { NotAsked, UpstreamFailure } from '../../src/upstream/failures.ts'
import { metadataTimeouts, type Timeouts } from '../../src/upstream/timeouts.ts'
import { rejection } from './suite.ts'

export type Serve = (request: IncomingMessage, response: ServerResponse) => void

/** A loopback server that does what a test says, and clients of it. */
export interface Rig {
  readonly url: string
  readonly requests: readonly IncomingMessage[]
  /** How many requests are being answered now, and at most were at once. */
  readonly underWay: () => { readonly now: number; readonly most: number }
  /** A client that knows nothing yet of an upstream which answers like this. */
  readonly start: (serve: Serve, options?: StartOptions) => Started
  readonly close: () => Promise<void>
}

export interface StartOptions {
  readonly timeouts?: Partial<Timeouts>
  readonly random?: () => number
  readonly now?: () => number
}

export interface Started {
  readonly upstream: Upstream
  readonly client: UpstreamClient
  /** The status and the body. */
  readonly get: (path?: string, sizeBytesMax?: number) => Promise<string>
}

export async function openRig(): Promise<Rig> {
  const requests: IncomingMessage[] = []
  let serve = ok
  let [running, most] = [0, 0]
  const server = createServer((request, response) => {
    requests.push(request)
    running += 1
    most = Math.max(most, running)
    response.once('close', () => (running -= 1))
    serve(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // as it listens on a port, not on a socket
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    requests,
    underWay: () => ({ now: running, most }),
    start(next, { timeouts = {}, random = () => 0, now = () => 0 } = {}) {
      requests.splice(0)
      most = 0
      serve = next
      const upstream = createUpstream({ upstreamUrl: url, userAgent: 'test', now, random })
      const client = upstream.client({
        guard: createAddressGuard(url, noOthers),
        timeouts: { ...metadataTimeouts(5_000), ...timeouts },
      })
      const get = async (asked = '/', sizeBytesMax = 1000) => {
        const { status, body } = await requestBody(client, url + asked, { sizeBytesMax })
        return `${status} ${body?.toString()}`
      }
      return { upstream, client, get }
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** The first answers are these, the others "ok". */
export function first(...bad: readonly Serve[]): Serve {
  let count = 0
  return (request, response) => {
    const serve = bad[count] ?? ok
    count += 1
    serve(request, response)
  }
}

export const ok: Serve = (_, response) => void response.end('ok')
export const reset: Serve = (_, response) => void response.socket?.resetAndDestroy()
export const hang: Serve = () => undefined
export const cut: Serve = (_, response) => {
  response.writeHead(200, { 'content-length': '100' })
  response.write('half', () => response.socket?.destroy())
}
export const status =
  (code: number, headers: Readonly<Record<string, string>> = {}): Serve =>
  (_, response) =>
    void response.writeHead(code, headers).end(`${code}`)

/** In which way a question failed; what isn't upstream's doing is thrown on. */
export async function reasonOf(promise: Promise<unknown>): Promise<string> {
  const error = await rejection(promise)
  if (error instanceof UpstreamFailure) return error.reason
  if (error instanceof NotAsked) return `not asked for ${error.retryAfterSeconds} s`
  throw error
}
