import { isIP, type LookupFunction, Socket } from 'node:net'

interface Destination {
  readonly host?: string
  readonly port?: number | string
  readonly lookup?: LookupFunction
}

/** What this process tried to connect to while it was watched. */
export interface Connections {
  /** `address:port`, in order; those that were let through too. */
  readonly made: readonly string[]
  readonly stop: () => void
}

/**
 * Stands in for the network: no socket of this process gets anywhere but to the ports of 127.0.0.1 that
 * are named here. Others are noted and fail as if nobody listened; names are resolved by the lookup that
 * the socket was given, as Node would do it.
 */
export function watchConnections(portsLetThrough: readonly number[]): Connections {
  const made: string[] = []
  const original = Reflect.get(Socket.prototype, 'connect') as (...all: unknown[]) => Socket // one of its overloads

  function stub(this: Socket, ...all: unknown[]): Socket {
    // Node hands its arguments to itself as [options, callback] in one array.
    const [options] = (Array.isArray(all[0]) ? all[0] : all) as [Destination] // as it always does
    const { host = 'localhost', port, lookup } = options
    const fail = (error: Error) => process.nextTick(() => this.destroy(error))
    if (host === '127.0.0.1' && portsLetThrough.includes(Number(port))) {
      made.push(`${host}:${port}`)
      return Reflect.apply(original, this, all)
    }
    if (isIP(host) !== 0 || lookup === undefined) {
      made.push(`${host}:${port}`)
      fail(refused())
      return this
    }
    lookup(host, { all: true }, (error, addresses) => {
      const found = error === null && Array.isArray(addresses) ? addresses : []
      made.push(...found.map(({ address }) => `${address}:${port}`))
      fail(error ?? refused())
    })
    return this
  }

  Reflect.set(Socket.prototype, 'connect', stub)
  return { made, stop: () => Reflect.set(Socket.prototype, 'connect', original) }
}

function refused(): Error {
  return Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
}
