import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** Stands between the application and its PostgreSQL, and cuts connections when it is told to. */
export interface CuttingProxy {
  /** The database's URL, through this. */
  readonly url: string
  /** How many messages the application has sent, nearly: those that came together count as one. */
  readonly sent: () => number
  /** Instead of the so manieth message from now on, from 1, its connection is cut. */
  readonly cutAt: (message: number) => void
  /** Whether everything that is sent waits, either way. */
  readonly stall: (isStalled: boolean) => void
  readonly close: () => Promise<void>
}

export async function startCuttingProxy(databaseUrl: string): Promise<CuttingProxy> {
  const url = new URL(databaseUrl)
  const socketDirectory = url.searchParams.get('host')
  const target =
    socketDirectory === null
      ? { host: url.hostname, port: Number(url.port) }
      : { path: `${socketDirectory}/.s.PGSQL.${url.searchParams.get('port') ?? url.port}` }
  let sent = 0
  let cutting = Number.POSITIVE_INFINITY
  const open = new Set<Socket>()
  let stalled = false

  const server = createServer((client) => {
    const database = connect(target)
    for (const socket of [client, database]) {
      open.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        open.delete(socket)
        client.destroy()
        database.destroy()
      })
    }
    client.on('data', (chunk) => {
      sent += 1
      if (sent < cutting) database.write(chunk)
      else {
        cutting = Number.POSITIVE_INFINITY
        client.resetAndDestroy()
      }
    })
    database.on('data', (chunk) => void client.write(chunk))
    if (stalled) for (const socket of [client, database]) socket.pause()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // as it listens on a port, not on a socket
  const through = new URL(databaseUrl)
  through.searchParams.delete('host')
  through.searchParams.delete('port')
  through.hostname = '127.0.0.1'
  through.port = String(port)
  return {
    url: through.href,
    sent: () => sent,
    cutAt: (message) => void (cutting = sent + message),
    stall(isStalled) {
      stalled = isStalled
      for (const socket of open) {
        if (isStalled) socket.pause()
        else socket.resume()
      }
    },
    async close() {
      server.close()
      for (const socket of open) socket.destroy()
      await once(server, 'close')
    },
  }
}
