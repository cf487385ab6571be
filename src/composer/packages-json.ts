import { furtherLists, malwareList } from './list-names.ts'
import { isJsonObject, type JsonObject } from './minify.ts'
import { distTemplate } from './mirror-tokens.ts'
import { noticesIn } from './notices.ts'
import { isOnePackage } from './vendor-patterns.ts'

export type RootOptions = {
  /** Empty while upstream hasn't said anything yet. */
  readonly upstreamRoot: JsonObject
  /** false: there are no packages but ours, about which nobody reports advisories. */
  readonly hasUpstream: boolean
  /** How clients reach this server: without a trailing slash, perhaps with a path. */
  readonly publicUrl: string
  /** `rewrite`: documents name no archive but ours, so there is nothing to be a mirror of. */
  readonly distMode: 'mirror' | 'rewrite'
  /** Patterns of what is ours and may be read by who asks: see vendor-patterns.ts. */
  readonly reserved: readonly string[]
  /** For a root of the past: `/at/20240501T120000Z`, and what to tell the person at the terminal. */
  readonly pin: { readonly path: string; readonly message: string } | undefined
  /** What to tell that person of a root of today. */
  readonly notice?: string | undefined
}

/** Of the way in which root files are written from the same options: rises with each change of it. */
export const rootFileVersion = 2

/**
 * The root file that makes Composer ask this server for everything, and which it needs from nobody else.
 *
 * Every URL is absolute: Composer resolves nothing against the path of the repository, and before 2.7
 * it can't use an `api-url` without a host. The pin is in those URLs only that stand for the past.
 * Archives and notifications go without: Composer writes those into composer.lock, where a date would
 * stay for good. Advisories and the malware list go without too, being always today's.
 */
export function buildRoot(options: RootOptions): JsonObject {
  const { upstreamRoot, hasUpstream, publicUrl, distMode, reserved, pin, notice } = options
  const base = `${publicUrl}${pin?.path ?? ''}`
  return {
    packages: {},
    'metadata-url': `${base}/p2/%package%.json`,
    // Ours can be asked for, whatever upstream offers.
    search: `${base}/search.json?q=%query%&type=%type%`,
    // Composer appends "?filter=": this one must not have a query of its own.
    list: `${base}/packages/list.json`,
    'providers-api': `${base}/providers/%package%.json`,
    // Asked first; when it says 404, Composer goes to the origin by itself.
    ...(distMode === 'mirror' && {
      mirrors: [{ 'dist-url': distTemplate(publicUrl), preferred: true }],
    }),
    'notify-batch': `${publicUrl}/downloads/`,
    ...(hasUpstream && securityAdvisories(upstreamRoot, publicUrl)),
    filter: filter(upstreamRoot['filter'], publicUrl),
    ...availability(upstreamRoot, reserved),
    ...noticesOf(upstreamRoot, pin === undefined ? notice : pin.message),
  }
}

/**
 * Where upstream answers nothing about advisories, ours is asked all the same: without an `api-url`, Composer takes the
 * root file only where it says which names there are, and then reads advisories from their documents.
 */
function securityAdvisories(upstreamRoot: JsonObject, publicUrl: string): JsonObject {
  const told = upstreamRoot['security-advisories']
  const upstreams = isJsonObject(told) ? told : {}
  const hasApi = isEndpoint(upstreams['api-url'])
  if (!hasApi && saysWhatIsThere(upstreamRoot)) return { 'security-advisories': { metadata: true } }
  return {
    'security-advisories': {
      metadata: !hasApi || upstreams['metadata'] === true,
      'api-url': `${publicUrl}/api/security-advisories/`,
    },
  }
}

/**
 * Always there, since Composer refuses what is blocked only by this: it reads the summary, and then the `filter` of the
 * documents that the summary names. Without upstream's `api-url`, which would be told of every package, the private ones
 * too.
 */
function filter(upstream: unknown, publicUrl: string): JsonObject {
  const lists = furtherLists(isJsonObject(upstream) ? upstream['lists'] : undefined)
  const enabled = lists.filter(([, list]) => isJsonObject(list) && list['enabled'] === true)
  return {
    metadata: true,
    lists: Object.fromEntries([malwareList, ...enabled.map(([name]) => name)].map(switchedOn)),
    'summary-url': `${publicUrl}/lists/all/summary.json`,
  }
}

function switchedOn(list: string): readonly [string, JsonObject] {
  return [list, { enabled: true }]
}

const availabilityKeys = ['available-packages', 'available-package-patterns'] as const

/** Which names Composer may ask for at all: upstream's, if it says so, and then ours. */
function availability(upstream: JsonObject, reserved: readonly string[]): JsonObject {
  const passed: Record<string, readonly string[]> = {}
  for (const key of availabilityKeys) {
    const names = namesIn(upstream[key])
    if (names.length > 0) passed[key] = names
  }
  if (!saysWhatIsThere(upstream) || reserved.length === 0) return passed
  const patterns = passed['available-package-patterns'] ?? []
  const own = reserved.map((pattern) => (isOnePackage(pattern) ? pattern : `${pattern}/*`))
  return { ...passed, 'available-package-patterns': [...patterns, ...own] }
}

/** Otherwise Composer may ask for every name, and what is in a root file is the same for all who ask. */
export function saysWhatIsThere(upstreamRoot: JsonObject): boolean {
  return availabilityKeys.some((key) => namesIn(upstreamRoot[key]).length > 0)
}

function namesIn(names: unknown): readonly string[] {
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []
}

/** Upstream's notices, then ours. */
function noticesOf(upstream: JsonObject, message: string | undefined): JsonObject {
  const { infos, ...passed } = noticesIn(upstream)
  const all = [...(infos ?? [])]
  if (message !== undefined) all.push({ versions: '>=2.2', message })
  return { ...passed, ...(all.length > 0 && { infos: all }) }
}

/** Where upstream answers what isn't metadata; templates keep their `%query%` and `%package%`. */
export type UpstreamEndpoints = {
  readonly search?: string
  readonly list?: string
  readonly providersApi?: string
  readonly securityAdvisories?: string
  readonly filterSummary?: string
  readonly metadataChanges?: string
  readonly notifyBatch?: string
}

/**
 * Reads upstream's root file. Endpoints that it lacks, or that aren't http or https, are left out.
 *
 * @param upstreamUrl of the upstream repository: what begins with "/" is on its host.
 */
export function upstreamEndpoints(
  upstreamRoot: JsonObject,
  upstreamUrl: string,
): UpstreamEndpoints {
  const { origin } = new URL(upstreamUrl)
  const inside = (key: string, name: string): unknown => {
    const object = upstreamRoot[key]
    return isJsonObject(object) ? object[name] : undefined
  }
  return {
    ...endpoint('search', upstreamRoot['search'], origin),
    ...endpoint('list', upstreamRoot['list'], origin),
    ...endpoint('providersApi', upstreamRoot['providers-api'], origin),
    ...endpoint('securityAdvisories', inside('security-advisories', 'api-url'), origin),
    ...endpoint('filterSummary', inside('filter', 'summary-url'), origin),
    ...endpoint('metadataChanges', upstreamRoot['metadata-changes-url'], origin),
    ...endpoint('notifyBatch', upstreamRoot['notify-batch'], origin),
  }
}

/** Packagist's have 60 characters. The feed's is in every event of it, which has room for 4,000. */
const urlLengthMax = 2_000

function isEndpoint(value: unknown): boolean {
  return Object.keys(endpoint('search', value, 'https://upstream')).length > 0
}

function endpoint(
  name: keyof UpstreamEndpoints,
  value: unknown,
  origin: string,
): UpstreamEndpoints {
  if (typeof value !== 'string') return {}
  // As Composer does it: put behind the origin, not resolved. So "//other/path" stays on this host.
  const url = value.startsWith('/') ? `${origin}${value}` : value
  const isWeb = /^https?:\/\/[^/?#\\@\s]+(?:[/?#]|$)/i.test(url) && !/[\s\p{Cc}]/u.test(url)
  return isWeb && url.length <= urlLengthMax && URL.canParse(url) ? { [name]: url } : {}
}
