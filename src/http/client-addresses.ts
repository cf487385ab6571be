import type { IncomingMessage } from 'node:http'
import { BlockList, isIP, type Socket, SocketAddress } from 'node:net'
import type { Logger } from 'pino'

/** What clients and peers count by: an address such as `192.0.2.1` or `2001:db8:0:1::/64`. */
export interface ClientAddresses {
  /** Of the client that sent a request; undefined: it can't be told from those of others. */
  readonly ofClient: (request: Asked) => string | undefined
  /** All of it, for the log; of a proxy that isn't trusted its own. undefined: it has gone. */
  readonly ofHost: (request: Asked) => string | undefined
  /** Of who has a connection; undefined: a trusted proxy or this machine, which may carry all clients there are. */
  readonly ofSharer: (socket: Peer) => string | undefined
}

type Peer = Pick<Socket, 'remoteAddress'>
type Asked = Pick<IncomingMessage, 'headers'> & { readonly socket: Peer }

export interface ClientAddressOptions {
  /** Each `<address>/<prefix>`. Their X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[]
  /** Whether anybody on the internet could have this address. */
  readonly isPublicAddress: (address: string) => boolean
  readonly logger: Pick<Logger, 'warn'>
}

/** Chains of proxies have two or three; what is further left was written by whoever likes to. */
const hopsMax = 20

/**
 * A client's address is that of the peer, or, when that is a trusted proxy, what it says in X-Forwarded-For: the rightmost entry
 * that isn't one itself. Where the header ends or makes no sense, it is the last address that was vouched for.
 *
 * Whoever has a private address and sends that header untrusted is a proxy in front of all clients. Its address
 * says nothing then; that is told once.
 */
export function createClientAddresses(options: ClientAddressOptions): ClientAddresses {
  const { trustedProxies, isPublicAddress, logger } = options
  const isTrusted = isAmong(trustedProxies)
  const isLoopback = isAmong(loopback)
  let isTold = false

  function tellOnce(peer: string): void {
    if (isTold) return
    isTold = true
    logger.warn(
      { peer },
      'X-Forwarded-For comes from a proxy that is not trusted, so clients can not be told apart: ' +
        'name it in TRUSTED_PROXIES',
    )
  }
  return {
    ofHost({ headers, socket }) {
      const peer = addressIn(socket.remoteAddress ?? '')
      const forwarded = headers['x-forwarded-for']
      if (peer === undefined || forwarded === undefined || !isTrusted(peer)) return peer
      return rightmost(String(forwarded), { peer, isTrusted })
    },
    ofClient({ headers, socket }) {
      const peer = addressIn(socket.remoteAddress ?? '')
      const forwarded = headers['x-forwarded-for']
      if (peer === undefined) return undefined
      if (forwarded === undefined) return networkOf(peer)
      if (isTrusted(peer)) return networkOf(rightmost(String(forwarded), { peer, isTrusted }))
      if (isPublicAddress(peer)) return networkOf(peer)
      tellOnce(peer)
      return undefined
    },
    ofSharer({ remoteAddress = '' }) {
      const peer = addressIn(remoteAddress)
      if (peer === undefined || isTrusted(peer) || isLoopback(peer)) return undefined
      return networkOf(peer)
    },
  }
}

const loopback = ['127.0.0.0/8', '::1/128']

function rightmost(
  forwarded: string,
  { peer, isTrusted }: { readonly peer: string; readonly isTrusted: (address: string) => boolean },
): string {
  let nearest = peer
  let end = forwarded.length
  for (let hops = 0; hops < hopsMax && end > 0 && isTrusted(nearest); hops++) {
    const comma = forwarded.lastIndexOf(',', end - 1)
    const address = addressIn(forwarded.slice(comma + 1, end))
    if (address === undefined) return nearest
    nearest = address
    end = comma
  }
  return nearest
}

/** An address with a zone and a port has 60 characters at most. */
const entryLengthMax = 100

/** In canonical form, without a port, brackets and a zone; IPv4 that is carried in IPv6 as IPv4. */
function addressIn(entry: string): string | undefined {
  if (entry.length > entryLengthMax) return undefined
  const text = entry.trim()
  const bare = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)?.[1] ?? text.replace(ipv4Port, '$1')
  const address = bare.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*/, '')
  if (isIP(address) !== 6) return isIP(address) === 4 ? address : undefined
  const { address: canonical } = new SocketAddress({ address, family: 'ipv6' })
  return canonical.replace(/^::ffff:(?=\d+\.)/, '')
}

const ipv4Port = /^(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}):\d{1,5}$/

function isAmong(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix = ''] = network.split('/')
    list.addSubnet(address, Number(prefix), familyOf(address))
  }
  return (address) => list.check(address, familyOf(address))
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}

const subnetGroups = 4

/** A host is given the whole /64, and chooses its IPv6 address in it at will. */
function networkOf(address: string): string {
  if (isIP(address) !== 6) return address
  const [head = '', tail = ''] = address.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0')
  return `${[...left, ...zeros, ...right].slice(0, subnetGroups).join(':')}::/64`
}
