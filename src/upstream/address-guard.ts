import { isIP } from 'node:net'
import { isPublicAddress } from './public-addresses.ts'

/** Which URLs may be asked. */
export interface AddressGuard {
  /** Of a URL, as it is written. Looked at before every request, so also for each redirect. */
  readonly isAllowed: (url: string) => boolean
}

/**
 * Lets through the configured upstream's own origin, and https to the hosts named beside it. Metadata
 * names archive URLs, so without this whoever controls a package could make us ask any address.
 *
 * The operator chose upstream, so its address may be private. All others must be public: here, when it
 * is written in the URL; otherwise when the name is resolved (see `createPublicLookup`).
 *
 * @param allowedHosts each `host`, for port 443, or `host:port`.
 */
export function createAddressGuard(
  upstreamUrl: string,
  allowedHosts: readonly string[],
): AddressGuard {
  const allowed = new Set(allowedHosts)
  return {
    isAllowed(text) {
      if (!isPlain(text) || !URL.canParse(text)) return false
      const url = new URL(text)
      if (url.username !== '' || url.password !== '') return false
      if (isOwnOrigin(url, upstreamUrl)) return true
      return url.protocol === 'https:' && allowed.has(url.host) && !isPrivateLiteral(url.hostname)
    },
  }
}

/** Others read a backslash or a line break in a URL otherwise than we do; nobody needs them. */
export function isPlain(url: string): boolean {
  return !/[\s\p{Cc}\\]/u.test(url)
}

/** Not by `url.origin`: that of `blob:https://host/` is `https://host`. */
export function isOwnOrigin({ protocol, host }: URL, upstreamUrl: string): boolean {
  const own = new URL(upstreamUrl)
  return protocol === own.protocol && host === own.host
}

/** No lookup happens for an address, so it is looked at here. The parser has made it canonical. */
function isPrivateLiteral(hostname: string): boolean {
  const address = hostname.replace(/^\[(.*)\]$/, '$1')
  return isIP(address) !== 0 && !isPublicAddress(address)
}
