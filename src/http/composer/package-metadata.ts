import {
  documentName,
  type DocumentName,
  type PackageName,
  parsePackageName,
} from '../../composer/names.ts'
import { AppError } from '../../errors.ts'
import type { AsOfAnswer, Basis, DocumentAsOf } from '../../metadata/as-of.ts'
import type { BodyName } from '../../metadata/bodies.ts'
import type { CurrentDocument } from '../../metadata/current.ts'
import type { Render } from '../../metadata/rendering.ts'
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

export interface PackageMetadataDeps extends MetadataDeps {
  readonly render: Render
}

/** `/p2/{vendor}/{name}.json` and `…~dev.json`, now and as of an instant. */
export function packageMetadata(deps: PackageMetadataDeps): readonly Route[] {
  return alsoPinned({
    surface: 'composer',
    policy: 'open',
    method: 'get',
    path: '/p2/:vendor/:file',
    async handle(request) {
      const at = pinOf(request)
      const asked = documentAsked(request)
      return at === undefined
        ? await answerCurrent(request, asked, deps)
        : await answerAsOf(request, { ...asked, basis: await deps.resolveBasis(at) }, deps)
    },
  })
}

interface Asked {
  readonly document: DocumentName
  readonly packageName: PackageName
}

function documentAsked({ param }: RouteRequest): Asked {
  const [, name = '', dev] = /^(.+?)(~dev)?\.json$/.exec(param('file')) ?? []
  const packageName = parsePackageName(param('vendor'), name)
  if (packageName === undefined) {
    throw new AppError('package_not_found', 'that is not the name of a package')
  }
  return {
    document: documentName(packageName, dev === undefined ? 'tags' : 'branches'),
    packageName,
  }
}

async function answerCurrent(
  { headers }: RouteRequest,
  { document, packageName }: Asked,
  { current, body, render }: PackageMetadataDeps,
): Promise<Answer> {
  const { sha256, lastModified, staleSeconds } = await current(document)
  const found = { body: { sha256, reconstructed: undefined }, lastModified }
  const rendered = render(found, packageName)
  return answerDocument(headers, {
    body: await body(rendered.body),
    lastModified: dateOf(rendered.lastModified),
    headers: { ...currentCaching, ...staleHeaders(staleSeconds) },
  })
}

function dateOf(lastModified: Instant | undefined): string | undefined {
  return lastModified === undefined ? undefined : httpDate(lastModified)
}

/** For whatever caches stand in front: about as fresh as this proxy itself, and usable when it is down. */
export const currentCaching = {
  'Cache-Control': 'public, max-age=60, stale-while-revalidate=300, stale-if-error=86400',
} as const

export function staleHeaders(staleSeconds: number | undefined): Readonly<Record<string, string>> {
  if (staleSeconds === undefined) return {}
  return { Warning: '110 almanac "Response is Stale"', Age: String(Math.floor(staleSeconds)) }
}

async function answerAsOf(
  { headers, query }: RouteRequest,
  { document, packageName, basis }: Asked & { readonly basis: Basis },
  { asOf, body, render }: PackageMetadataDeps,
): Promise<Answer> {
  const found = await asOf(document, basis)
  if (found.confidence === 'reconstructed' && query.get('strict') === '1') {
    throw new AppError(
      'not_known_then',
      `this proxy had not seen the package yet at ${basis.at}, and strict=1 wants no reconstruction`,
    )
  }
  const rendered = render(found, packageName)
  return answerDocument(headers, {
    body: await body(rendered.body),
    lastModified: dateOf(rendered.lastModified),
    headers: pinnedHeaders(found, basis),
  })
}

export function pinnedHeaders(
  { confidence, since, until }: AsOfAnswer,
  { settled }: Basis,
): Readonly<Record<string, string>> {
  return {
    'X-Time-Machine': timeMachineHeader(confidence, since, until),
    // Not immutable: the one thing that may have to be taken out of the past is malware.
    'Cache-Control': settled ? 'public, max-age=3600, must-revalidate' : 'no-cache',
  }
}
