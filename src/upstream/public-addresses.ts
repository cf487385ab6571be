import type { LookupAddress, LookupAllOptions } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { UpstreamFailure } from './failures.ts'

/**
 * What isn't on the public internet, or leads back from it: the IANA special-purpose address
 * registries, as far as they aren't globally reachable, and what stands in public space yet is only
 * seen from inside.
 */
const specialIpv4: readonly (readonly [network: string, prefix: number, what: string])[] = [
  ['0.0.0.0', 8, 'this host: connects to the loopback'],
  ['10.0.0.0', 8, 'private'],
  ['100.64.0.0', 10, 'carrier-grade NAT; clouds put services here'],
  ['127.0.0.0', 8, 'loopback'],
  ['168.63.129.16', 32, 'the platform of Azure, for the machines on it'],
  ['169.254.0.0', 16, 'link-local: the metadata services of clouds'],
  ['172.16.0.0', 12, 'private'],
  ['192.0.0.0', 24, 'protocol assignments; the metadata service of Oracle'],
  ['192.0.2.0', 24, 'documentation'],
  ['192.88.99.0', 24, '6to4 relays, withdrawn'],
  ['192.168.0.0', 16, 'private'],
  ['198.18.0.0', 15, 'benchmarks'],
  ['198.51.100.0', 24, 'documentation'],
  ['203.0.113.0', 24, 'documentation'],
  ['224.0.0.0', 4, 'multicast'],
  ['240.0.0.0', 4, 'reserved, and broadcast'],
]

/** IPv6 is the other way round: what isn't in one of these isn't public. */
const publicIpv6: readonly (readonly [network: string, prefix: number, what: string])[] = [
  ['2000::', 3, 'all that was ever given out'],
  ['64:ff9b::', 96, 'IPv4 behind NAT64, without which an IPv6-only network has no GitHub'],
]

const specialIpv6: readonly (readonly [network: string, prefix: number, what: string])[] = [
  ['2001::', 23, 'protocol assignments; Teredo, which carries an IPv4 address'],
  ['2001:db8::', 32, 'documentation'],
  ['2002::', 16, '6to4, which carries an IPv4 address'],
  ['3fff::', 20, 'documentation'],
]

const special = new BlockList()
const routed = new BlockList()
for (const [network, prefix] of specialIpv4) {
  special.addSubnet(network, prefix, 'ipv4')
  special.addSubnet(`64:ff9b::${network}`, 96 + prefix, 'ipv6')
}
for (const [network, prefix] of specialIpv6) special.addSubnet(network, prefix, 'ipv6')
for (const [network, prefix] of publicIpv6) routed.addSubnet(network, prefix, 'ipv6')

/** Whether an IP address, written as text, is one that anybody on the internet could reach. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !special.check(address, 'ipv4')
    case 6:
      return routed.check(address, 'ipv6') && !special.check(address, 'ipv6')
    default:
      return false
  }
}

/** Where the metadata services of clouds are. */
const platforms = new BlockList()
for (const network of [
  '169.254.0.0/16',
  '168.63.129.16/32',
  '100.100.100.200/32',
  '192.0.0.192/32',
]) {
  const [address = '', prefix] = network.split('/')
  platforms.addSubnet(address, Number(prefix), 'ipv4')
}
platforms.addSubnet('fe80::', 10, 'ipv6')
platforms.addAddress('fd00:ec2::254', 'ipv6')

function isOfPlatform(address: string): boolean {
  return platforms.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** Resolves a name to all of its addresses; `lookup` of node:dns is one. */
export type Resolve = (
  host: string,
  options: LookupAllOptions,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/**
 * A lookup for sockets that fails when a name has even one address that isn't public. The socket
 * connects to what was checked: there is no second resolution, which could answer something else.
 */
export function createPublicLookup(resolve: Resolve): LookupFunction {
  return createLookup(resolve, isPublicAddress, "an address that isn't public")
}

/**
 * The same for names in the operator's own network: any address but those at which clouds and platforms answer the
 * machines on them, which no archive is fetched from.
 */
export function createNamedLookup(resolve: Resolve): LookupFunction {
  return createLookup(resolve, (address) => !isOfPlatform(address), 'the address of a platform')
}

function createLookup(
  resolve: Resolve,
  isGood: (address: string) => boolean,
  what: string,
): LookupFunction {
  return (host, options, done) => {
    resolve(host, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? []
      if (error !== null || first === undefined) {
        done(error ?? new Error(`${host} has no address`), [])
      } else if (!addresses.every(({ address }) => isGood(address))) {
        done(new UpstreamFailure('address_not_public', `${host} has ${what}`), [])
      } else if (options.all === true) {
        done(null, addresses)
      } else {
        done(null, first.address, first.family)
      }
    })
  }
}
