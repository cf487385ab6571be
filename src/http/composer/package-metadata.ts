import { documentName, packageNameRule, parsePackageName } from '../../composer/names.ts'
import type { DateOf } from '../../database/overlaid-dates.ts'
import { AppError } from '../../errors.ts'
import type { AsOfAnswer, Basis, DocumentAsOf } from '../../metadata/as-of.ts'
import type { BodyName } from '../../metadata/bodies.ts'
import type { CurrentDocument } from '../../metadata/current.ts'
import type { Overlay, PackageDocument, ServedDocument } from '../../metadata/overlay.ts'
import { timeMachineHeader } from '../../time-machine/confidence.ts'
import { httpDate, type Instant } from '../../time-machine/instant.ts'
import type { Answer, Route, RouteRequest } from '../route.ts'
import { answerDocument, type EncodedBody } from './document.ts'
import { alsoPinned, pinOf } from './pin.ts'

export interface MetadataDeps {
  readonly current: CurrentDocument
  readonly asOf: DocumentAsOf
  readonly resolveBasis: (at: Instant) => Promise<Basis>
  readonly body: (name: BodyName) => Promise<EncodedBody>
}

export interface PackageMetadataDeps extends Pick<MetadataDeps, 'resolveBasis' | 'body'> {
  readonly overlay: Overlay
  readonly dateOf: DateOf
}

/** `/p2/{vendor}/{name}.json` and `…~dev.json`, now and as of an instant. */
export function packageMetadata(deps: PackageMetadataDeps): readonly Route[] {
  const { overlay, resolveBasis } = deps
  return alsoPinned({
    surface: 'composer',
    policy: 'read',
    method: 'get',
    path: '/p2/:vendor/:file',
    straight: true,
    async handle(request) {
      const at = pinOf(request)
      const asked = documentAsked(request)
      if (at === undefined) {
        const served = await overlay.now(asked)
        const headers = { ...currentCaching, ...staleHeaders(served.staleSeconds) }
        return await answerWith(request, { ...asked, ...served, headers }, deps)
      }
      const basis = await resolveBasis(at)
      const served = await overlay.asOf(asked, basis)
      return await answerWith(
        request,
        { ...asked, ...served, headers: pinnedCaching(basis, served) },
        deps,
      )
    },
  })
}

function documentAsked({ param, client, principal, query }: RouteRequest): PackageDocument {
  const [, name = '', dev] = /^(.+?)(~dev)?\.json$/.exec(param('file')) ?? []
  const packageName = parsePackageName(param('vendor'), name)
  if (packageName === undefined) {
    const message = `that is not the name of a package: it ${packageNameRule}`
    throw new AppError('package_not_found', message)
  }
  return {
    document: documentName(packageName, dev === undefined ? 'tags' : 'branches'),
    packageName,
    client,
    principal,
    isStrict: query.get('strict') === '1',
  }
}

interface ToSend extends ServedDocument, PackageDocument {
  readonly headers: Readonly<Record<string, string>>
}

async function answerWith(
  { headers }: RouteRequest,
  { document, datedFrom, asOf, ...served }: ToSend,
  { body: encoded, dateOf }: PackageMetadataDeps,
): Promise<Answer> {
  const body = await encoded(served.body)
  const lastModified =
    datedFrom === undefined
      ? served.lastModified
      : await dateOf({ document, digest: body.digest, notBefore: datedFrom })
  return answerDocument(headers, {
    body,
    lastModified: lastModified && httpDate(lastModified),
    headers: { ...served.headers, ...(asOf && timeMachineHeaders(asOf)) },
  })
}

/** For whatever caches stand in front: about as fresh as this proxy itself, and usable when it is down. */
export const currentCaching = {
  'Cache-Control': 'public, max-age=60, stale-while-revalidate=300, stale-if-error=86400',
} as const

export function staleHeaders(staleSeconds: number | undefined): Readonly<Record<string, string>> {
  if (staleSeconds === undefined) return {}
  return { Warning: '110 almanac "Response is Stale"', Age: String(Math.floor(staleSeconds)) }
}

export function pinnedHeaders(answer: AsOfAnswer, basis: Basis): Readonly<Record<string, string>> {
  return { ...timeMachineHeaders(answer), ...pinnedCaching(basis) }
}

function timeMachineHeaders(
  asOf: NonNullable<ServedDocument['asOf']>,
): Readonly<Record<string, string>> {
  return { 'X-Time-Machine': timeMachineHeader(asOf.confidence, asOf) }
}

function pinnedCaching(
  { settled }: Basis,
  { asOf }: Pick<ServedDocument, 'asOf'> = { asOf: undefined },
): Readonly<Record<string, string>> {
  if (!settled || asOf?.confidence === 'unsettled') return { 'Cache-Control': 'no-cache' }
  // What is in it of today changes with the document of today.
  if (asOf?.advisories === 'live') return currentCaching
  // Not immutable: the one thing that may have to be taken out of the past is malware.
  return { 'Cache-Control': 'public, max-age=3600, must-revalidate' }
}
