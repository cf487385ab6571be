/** A URL that this service must not ask. */
export class RefusedAddress extends Error {
  override readonly name = 'RefusedAddress'
}

/** Which URLs may be asked. */
export interface AddressGuard {
  readonly isAllowed: (url: string) => boolean
  /** @throws RefusedAddress; called before every request and before every redirect is followed. */
  readonly check: (url: URL) => void
}

/**
 * Lets through the configured upstream's own origin, and https to the hosts named beside it. Metadata
 * names archive URLs, so without this whoever controls a package could make us ask any address.
 */
export function createAddressGuard(
  upstreamUrl: string,
  allowedHosts: readonly string[],
): AddressGuard {
  const own = new URL(upstreamUrl).origin
  const allowed = new Set(allowedHosts)
  function isAllowed(url: URL): boolean {
    if (url.username !== '' || url.password !== '') return false
    return url.origin === own || (url.protocol === 'https:' && allowed.has(url.host))
  }
  return {
    isAllowed: (url) => URL.canParse(url) && isAllowed(new URL(url)),
    check(url) {
      if (!isAllowed(url)) throw new RefusedAddress(`${url.origin} is not an allowed origin`)
    },
  }
}
