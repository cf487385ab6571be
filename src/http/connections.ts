import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Logger } from 'pino'

export interface ConnectionsOptions {
  /** Of ordinary ones. */
  readonly connectionsMax: number
  /** Beside those, for probes only. */
  readonly reservedMax: number
  /** Whose share a connection counts to; undefined: it has no share, since it may carry all clients there are. */
  readonly sharerOf: (socket: Socket) => string | undefined
  readonly logger: Pick<Logger, 'warn'>
}

/**
 * Who is connected. Node's own limit drops whoever comes last, so that anybody who holds connections open keeps all
 * others out. Here a newcomer gets in as long as anybody is idle:
 *
 * - No address has more connections than are left free, so one has half of them at most and n of them leave one part in
 *   n + 1. Over its share, it closes the one of its own that has been idle for longest.
 * - At the limit, the one that has been idle for longest is closed, whosever it is.
 * - A connection with a request under way is never closed. With none idle, the newcomer gets a reserved place, in which
 *   probes are answered and nothing else.
 */
export interface Connections {
  readonly opened: (socket: Socket) => void
  /**
   * Notes that a request is under way until its answer has been sent.
   *
   * @returns false when it mustn't be answered, its connection being closed.
   */
  readonly began: (request: IncomingMessage, response: ServerResponse) => boolean
  readonly isForProbes: (socket: Socket) => boolean
}

/** A browser's or a proxy's pipeline has a few; Node reads as many as a client sends. */
const pipelinedMax = 100
/** A probe is sent at once and answered within its own time limit, which is mostly a second. */
const reservedMs = 10_000

interface Connection {
  readonly sharer: string | undefined
  requests: number
}

export function createConnections(options: ConnectionsOptions): Connections {
  const { connectionsMax, sharerOf } = options
  const all = new Map<Socket, Connection>()
  const idle = createIdle()
  const shares = createShares()
  const reserved = createReserved(options)
  const tellFull = createTellFull(options)

  function isOverShare(sharer: string | undefined): boolean {
    return sharer !== undefined && shares.of(sharer) >= connectionsMax - all.size
  }
  function forget(socket: Socket): void {
    const connection = all.get(socket)
    if (connection === undefined) return
    all.delete(socket)
    idle.remove(socket, connection.sharer)
    shares.add(connection.sharer, -1)
  }
  /** Whether there is now room for another one. */
  function madeRoom(sharer: string | undefined): boolean {
    const isCrowded = isOverShare(sharer)
    if (!isCrowded && all.size < connectionsMax) return true
    const longest = isCrowded ? idle.longestOf(sharer) : idle.longest()
    if (longest === undefined) return false
    forget(longest)
    longest.destroy()
    return true
  }

  return {
    opened(socket) {
      const sharer = sharerOf(socket)
      if (!madeRoom(sharer)) {
        tellFull(all.size)
        reserved.add(socket, sharer)
        return
      }
      all.set(socket, { sharer, requests: 0 })
      shares.add(sharer, 1)
      idle.add(socket, sharer)
      socket.once('close', () => forget(socket))
    },
    began({ socket }, response) {
      if (socket.destroyed) return false
      const connection = all.get(socket)
      if (connection === undefined) return true
      connection.requests += 1
      if (connection.requests > pipelinedMax) {
        socket.destroy()
        return false
      }
      idle.remove(socket, connection.sharer)
      response.once('close', () => {
        connection.requests -= 1
        if (connection.requests === 0 && all.has(socket)) idle.add(socket, connection.sharer)
      })
      return true
    },
    isForProbes: reserved.has,
  }
}

/** How many connections each sharer has. */
function createShares() {
  const counts = new Map<string, number>()
  const of = (sharer: string): number => counts.get(sharer) ?? 0
  return {
    of,
    add(sharer: string | undefined, more: 1 | -1): void {
      if (sharer === undefined) return
      const count = of(sharer) + more
      if (count === 0) counts.delete(sharer)
      else counts.set(sharer, count)
    },
  }
}

/** Connections without a request under way, the one that has been so for longest first. */
function createIdle() {
  const all = new Set<Socket>()
  const bySharer = new Map<string, Set<Socket>>()
  return {
    longest: (): Socket | undefined => firstOf(all),
    longestOf: (sharer: string | undefined): Socket | undefined =>
      firstOf(bySharer.get(sharer ?? '') ?? new Set()),
    add(socket: Socket, sharer: string | undefined): void {
      all.add(socket)
      if (sharer === undefined) return
      const own = bySharer.get(sharer) ?? new Set()
      bySharer.set(sharer, own.add(socket))
    },
    remove(socket: Socket, sharer: string | undefined): void {
      all.delete(socket)
      if (sharer === undefined) return
      const own = bySharer.get(sharer)
      own?.delete(socket)
      if (own?.size === 0) bySharer.delete(sharer)
    },
  }
}

function firstOf(sockets: ReadonlySet<Socket>): Socket | undefined {
  const [first] = sockets
  return first
}

/** The places for probes: one for each address, so that none can take all, and for a moment only. */
function createReserved({ reservedMax }: Pick<ConnectionsOptions, 'reservedMax'>) {
  const sharers = new Map<Socket, string | undefined>()

  function crowdedOut(sharer: string | undefined): Socket | undefined {
    if (sharer !== undefined) {
      for (const [socket, other] of sharers) if (other === sharer) return socket
    }
    if (sharers.size < reservedMax) return undefined
    const [longest] = sharers.keys()
    return longest
  }
  return {
    has: (socket: Socket): boolean => sharers.has(socket),
    add(socket: Socket, sharer: string | undefined): void {
      const other = crowdedOut(sharer)
      if (other !== undefined) {
        sharers.delete(other)
        other.destroy()
      }
      sharers.set(socket, sharer)
      const timer = setTimeout(() => socket.destroy(), reservedMs).unref()
      socket.once('close', () => {
        clearTimeout(timer)
        sharers.delete(socket)
      })
    },
  }
}

const tellEveryMs = 60_000

function createTellFull({ logger }: Pick<ConnectionsOptions, 'logger'>) {
  let toldAtMs = -Infinity
  return (connections: number): void => {
    if (performance.now() - toldAtMs < tellEveryMs) return
    toldAtMs = performance.now()
    logger.warn({ connections }, 'too many connections have requests under way: some are refused')
  }
}
