import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

interface Received {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** What alerts are told to: takes everything, unless told otherwise. */
export interface Receiver {
  /** With a query that is a secret. */
  readonly url: string
  readonly received: readonly Received[]
  /** Empties the list. */
  readonly forget: () => void
  /** How it answers from now on; `hang`: not at all; `reset`: it cuts the connection. */
  readonly answer: (how: number | 'hang' | 'reset') => void
  /** Cuts the connections that there are. */
  readonly cut: () => void
  readonly close: () => Promise<void>
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = []
  let how: Parameters<Receiver['answer']>[0] = 204
  const server = createServer((request, response) => void take(request, response))

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    received.push({ method, path: url, headers, body: await text(request) })
    if (how === 'reset') response.socket?.resetAndDestroy()
    else if (how !== 'hang') response.writeHead(how, { location: '/elsewhere' }).end('noted')
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // as it listens on a port, not on a socket
  return {
    url: `http://127.0.0.1:${port}/hook?key=s3cr3t-of-the-url`,
    received,
    forget: () => void received.splice(0),
    answer: (changed) => (how = changed),
    cut: () => server.closeAllConnections(),
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
