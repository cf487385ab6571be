import { may } from '../../access/principal.ts'
import { rootDocument } from '../../composer/names.ts'
import type { JsonObject } from '../../composer/minify.ts'
import { buildRoot, rootFileVersion, saysWhatIsThere } from '../../composer/packages-json.ts'
import { parseRootFile } from '../../composer/root-file.ts'
import { vendorOfPattern } from '../../composer/vendor-patterns.ts'
import { AppError } from '../../errors.ts'
import type { Basis } from '../../metadata/as-of.ts'
import type { BodyName } from '../../metadata/bodies.ts'
import type { KnownRoot } from '../../metadata/known-root.ts'
import type { Reserved } from '../../private/reserved.ts'
import {
  addSeconds,
  compactInstant,
  floorToSecond,
  httpDate,
  type Instant,
} from '../../time-machine/instant.ts'
import type { Answer, Route, RouteRequest } from '../route.ts'
import { answerDocument, encodeBody } from './document.ts'
import {
  currentCaching,
  type MetadataDeps,
  pinnedHeaders,
  staleHeaders,
} from './package-metadata.ts'
import { alsoPinned, pinOf } from './pin.ts'

export interface RootDeps extends KnownRoot, Pick<MetadataDeps, 'resolveBasis' | 'body'> {
  readonly hasUpstream: boolean
  readonly publicUrl: string
  readonly distMode: 'mirror' | 'rewrite'
  readonly pinAdvisories: 'recorded' | 'live'
  /** For whoever runs Composer; it prints it each time that the root file is new to it. */
  readonly notice: string | undefined
  /** Of the way in which pinned root files are written, which depends on the settings; from 1. */
  readonly pinnedNumber: number
  /** Since when a root file has been what these words stand for; rises with each that is new. */
  readonly renderedSince: (content: string) => Promise<Instant>
  readonly reservedNames: Reserved['reservedNames']
}

/**
 * `/packages.json`, now and as of an instant: every URL leads here, and what else upstream's root file says is said once it
 * is known.
 */
export function rootFile(deps: RootDeps): readonly Route[] {
  const routes = alsoPinned({
    surface: 'composer',
    policy: 'read',
    method: 'get',
    path: `/${rootDocument}`,
    async handle(request) {
      const at = pinOf(request)
      return at === undefined
        ? await answerCurrent(request, deps)
        : await answerAsOf(request, await deps.resolveBasis(at), deps)
    },
  })
  return [...routes, pinnedByQuery(deps)]
}

/** Of a repository whose URL ends in `?at={T}`, Composer asks for `/?at={T}/packages.json`. */
function pinnedByQuery(deps: RootDeps): Route {
  return {
    surface: 'composer',
    policy: 'read',
    method: 'get',
    path: '/',
    async handle(request) {
      const query = new URLSearchParams(request.query)
      const asked = query.getAll('at')
      const ending = `/${rootDocument}`
      query.delete('at')
      for (const text of asked) query.append('at', text.replace(ending, ''))
      const at = asked.at(-1)?.endsWith(ending) === true ? pinOf({ ...request, query }) : undefined
      if (at === undefined) throw new AppError('route_not_found', 'Nothing is at /')
      return await answerAsOf(request, await deps.resolveBasis(at), deps)
    },
  }
}

async function answerCurrent(request: RouteRequest, deps: RootDeps): Promise<Answer> {
  const { publicUrl, distMode, hasUpstream, notice } = deps
  const found = await deps.upstreamRoot()
  const upstreamRoot = await readRoot(
    found && { sha256: found.sha256, reconstructed: undefined },
    deps,
  )
  const { reserved, caching } = await ownAmong(upstreamRoot, request, deps)
  const root = buildRoot({ ...deps, upstreamRoot, reserved, pin: undefined })
  const upstreams = found?.sha256 ?? (hasUpstream ? 'unknown' : 'none')
  const notices = notice === undefined ? [] : ['notice']
  const content = [rootFileVersion, distMode, publicUrl, upstreams, ...reserved, ...notices]
  return answerDocument(request.headers, {
    body: await encodeBody(Buffer.from(JSON.stringify(root))),
    lastModified: httpDate(await deps.renderedSince(content.join(' '))),
    headers: {
      ...(found === undefined ? notYetCaching : currentCaching),
      ...staleHeaders(found?.staleSeconds),
      ...caching,
    },
  })
}

/** What is to be said more once upstream answers is for no cache on the way. */
const notYetCaching = { 'Cache-Control': 'no-cache' } as const

async function readRoot(name: BodyName | undefined, { body }: RootDeps): Promise<JsonObject> {
  return name === undefined ? {} : parseRootFile((await body(name)).identity)
}

/** What a root file says of what is reserved, which depends on who asks when it says what is there at all. */
async function ownAmong(
  upstreamRoot: JsonObject,
  { principal }: RouteRequest,
  { reservedNames }: RootDeps,
): Promise<{ readonly reserved: readonly string[]; readonly caching: Answer['headers'] }> {
  if (!saysWhatIsThere(upstreamRoot)) return { reserved: [], caching: {} }
  const { patterns } = await reservedNames()
  return {
    reserved: patterns
      .filter((pattern) => may(principal, 'read', vendorOfPattern(pattern)))
      .toSorted(),
    caching: { 'Cache-Control': 'private, no-cache', Vary: 'Accept-Encoding, Authorization' },
  }
}

async function answerAsOf(request: RouteRequest, basis: Basis, deps: RootDeps): Promise<Answer> {
  const found = await deps.upstreamRootAsOf(basis)
  const upstreamRoot = await readRoot(found?.body, deps)
  const { reserved, caching } = await ownAmong(upstreamRoot, request, deps)
  const pin = { path: `/at/${compactInstant(basis.at)}`, message: messageFor(basis, deps) }
  const root = buildRoot({ ...deps, upstreamRoot, reserved, pin })
  // What is written changes with the settings, which have a second of their own, and once more when the
  // instant settles: until then there is nothing to revalidate by.
  const date = addSeconds(floorToSecond(basis.at), deps.pinnedNumber)
  // What is reserved is so today, and what upstream had then may still become known.
  const isForGood = basis.settled && reserved.length === 0 && found !== undefined
  return answerDocument(request.headers, {
    body: await encodeBody(Buffer.from(JSON.stringify(root))),
    lastModified: isForGood ? httpDate(date) : undefined,
    headers: { ...(found ? pinnedHeaders(found, basis) : notYetCaching), ...caching },
  })
}

/** What the person running Composer reads. It may not change once the instant is settled. */
function messageFor(
  { at, position, settled }: Basis,
  { pinAdvisories }: Pick<RootDeps, 'pinAdvisories'>,
): string {
  const known = pinAdvisories === 'live' ? "today's" : 'those known then'
  const what = `Almanac: packages as of ${at}, security advisories are ${known}`
  if (!settled) return `${what}; so recent that something may still be added to it`
  if (position === 0n) {
    return `${what}; before this proxy's first record: reconstructed from publication dates`
  }
  return `${what}; as recorded, packages first seen later are reconstructed from publication dates`
}
