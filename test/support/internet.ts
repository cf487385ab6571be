import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url))

/** Signed the certificate of all hosts of the small internet; for NODE_EXTRA_CA_CERTS. */
export const authorityFile = fixture('ca.pem')

export interface ProxyRequest {
  /** `CONNECT`, or the method of a request that the proxy makes itself. */
  readonly method: string
  /** `host:port`, or the whole URL. */
  readonly target: string
  readonly authorization: string | undefined
}

/** Hosts with TLS and names of their own, all on the loopback, to be reached through a proxy alone. */
export interface Internet {
  /** `http://user:word@127.0.0.1:port`. */
  readonly proxyUrl: string
  readonly proxied: ProxyRequest[]
  /** What the proxy answers to CONNECT; 200: it connects. */
  refuseWith: (status: number) => void
  readonly close: () => Promise<void>
}

/** @param hosts answers for all of them; the Host header says which is asked. */
export async function startInternet(hosts: RequestListener): Promise<Internet> {
  const tls = createTlsServer(
    { key: readFileSync(fixture('server.key')), cert: readFileSync(fixture('server.pem')) },
    hosts,
  )
  const tlsPort = await listening(tls)
  const proxied: ProxyRequest[] = []
  let connectStatus = 200
  const note = ({ method = '', url = '', headers }: IncomingMessage): void => {
    proxied.push({ method, target: url, authorization: headers['proxy-authorization'] })
  }
  const proxy = createServer((request, response) => {
    note(request)
    const { host, pathname, search } = new URL(request.url ?? '')
    request.headers.host = host
    request.url = `${pathname}${search}`
    hosts(request, response)
  })
  const sockets = new Set<Socket>()
  proxy.on('connect', (request: IncomingMessage, client: Socket) => {
    note(request)
    client.on('error', () => undefined)
    if (connectStatus !== 200) {
      client.end(`HTTP/1.1 ${connectStatus} Refused\r\ncontent-length: 0\r\n\r\n`)
      return
    }
    const server = connect(tlsPort, '127.0.0.1')
    for (const socket of [client, server]) sockets.add(socket)
    server.on('error', () => client.destroy())
    client.write('HTTP/1.1 200 Connected\r\n\r\n')
    client.pipe(server).pipe(client)
  })
  const proxyPort = await listening(proxy)
  return {
    proxyUrl: `http://user:word@127.0.0.1:${proxyPort}`,
    proxied,
    refuseWith: (status) => (connectStatus = status),
    async close() {
      for (const socket of sockets) socket.destroy()
      for (const server of [proxy, tls]) {
        server.close()
        server.closeAllConnections()
        await once(server, 'close')
      }
    },
  }
}

async function listening(server: ReturnType<typeof createServer>): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port // as it listens on a port, not on a socket
}
