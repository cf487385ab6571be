import { isIP } from 'node:net'
import { isPublicAddress } from './public-addresses.ts'

/** Why a URL isn't asked. */
export type Refusal =
  'not_a_url' | 'has_credentials' | 'not_https' | 'host_not_named' | 'not_public'

/** Which URLs may be asked. */
export interface AddressGuard {
  /** Of a URL, as it is written. Looked at before every request, so also for each redirect. */
  readonly refusalOf: (url: string) => Refusal | undefined
}

/** Where upstream's archives may be fetched from, beside upstream itself; see PROXY_DIST_HOSTS. */
export interface DistOrigins {
  /** Each like `https://api.github.com`. */
  readonly allowed: readonly string[]
  /** Those of them that the operator named: their addresses may be private, and they may lack TLS. */
  readonly named: readonly string[]
}

/**
 * Lets through the configured upstream's own origin, and the origins beside it. Metadata names archive URLs, so
 * without this whoever controls a package could make us ask any address.
 *
 * The operator chose upstream and what is named, so their addresses may be private. All others must be public: here,
 * when it is written in the URL; otherwise when the name is resolved (see `createPublicLookup`).
 */
export function createAddressGuard(
  upstreamUrl: string,
  { allowed, named }: DistOrigins,
): AddressGuard {
  const allowedOrigins = new Set(allowed)
  const namedOrigins = new Set(named)
  return {
    refusalOf(text) {
      if (!isPlain(text) || !URL.canParse(text)) return 'not_a_url'
      const url = new URL(text)
      if (url.username !== '' || url.password !== '') return 'has_credentials'
      const origin = `${url.protocol}//${url.host}`
      if (isOwnOrigin(url, upstreamUrl) || namedOrigins.has(origin)) return undefined
      if (url.protocol !== 'https:') return 'not_https'
      if (!allowedOrigins.has(origin)) return 'host_not_named'
      return isPrivateLiteral(url.hostname) ? 'not_public' : undefined
    },
  }
}

/** Upstream itself and nothing else. */
export const noOthers: DistOrigins = { allowed: [], named: [] }

/** One more origin, which upstream's root file names for what is asked of it beside metadata. */
export function alsoAt(url: string): DistOrigins {
  return { allowed: [`https://${new URL(url).host}`], named: [] }
}

/** What a person is told of a refusal. */
export function refusalText(refusal: Refusal, url: string): string {
  const { protocol, host: place } = URL.canParse(url) ? new URL(url) : { protocol: '', host: 'it' }
  const texts = {
    not_a_url: 'upstream names no URL that can be asked',
    has_credentials: `upstream names a URL of ${place} with a user name or password in it`,
    not_https: `${place} isn't asked without https unless PROXY_DIST_HOSTS names ${protocol}//${place}`,
    host_not_named: `${place} isn't among the hosts of PROXY_DIST_HOSTS`,
    not_public: `${place} isn't a public address, and PROXY_DIST_HOSTS doesn't name it`,
  } as const satisfies Readonly<Record<Refusal, string>>
  return texts[refusal]
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
