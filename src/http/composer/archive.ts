import type { ArchiveRequest, Arriving, Found } from '../../archives/archive.ts'
import { type DistType, isDistType } from '../../composer/dist-types.ts'
import { isReferenceToken, isVersionToken } from '../../composer/mirror-tokens.ts'
import { parsePackageName } from '../../composer/names.ts'
import { AppError } from '../../errors.ts'
import { Sha1 } from '../../events/event-schema.ts'
import type { Principal } from '../../access/principal.ts'
import { namesTag } from '../conditional.ts'
import { wantedRange } from '../ranges.ts'
import type { Answer, Route, RouteRequest } from '../route.ts'

const contentTypes: Readonly<Record<DistType, string>> = {
  zip: 'application/zip',
  tar: 'application/x-tar',
  gzip: 'application/gzip',
  xz: 'application/x-xz',
  rar: 'application/vnd.rar',
  phar: 'application/octet-stream',
  file: 'application/octet-stream',
}

/** An archive for who asks: of ours, or of upstream's; see archives/read-through.ts for the errors. */
export type ServeArchive = (
  request: ArchiveRequest,
  principal: Principal,
) => Promise<Found | Arriving>

/**
 * `/dist-proxy/{vendor}/{package}/{version}/{reference}.{type}`, as `distTemplate` says. A name behind
 * it tells Composer what to call what is one file, and nothing to us. `?sha1=` asks for these very bytes.
 */
export function packageArchive(serveArchive: ServeArchive): Route {
  return {
    surface: 'composer',
    policy: 'read',
    method: 'get',
    path: '/dist-proxy/:vendor/:package/:version/:file{/:name}',
    straight: true,
    async handle(request) {
      const asked = archiveRequest(request)
      const archive = await serveArchive(asked, request.principal)
      if ('sha256' in archive) {
        if (request.method === 'HEAD') archive.leave?.()
        return answerBlob(request, archive, asked.distType)
      }
      if (archive.whole !== undefined && asksForMore(request, archive)) {
        return answerBlob(request, await archive.whole, asked.distType)
      }
      return answerArriving(archive, asked.distType)
    },
  }
}

/**
 * What holds for every answer. The URL names a commit, whose archive stays the same, but may be found to be
 * malware: then caches in front may not go on with it.
 */
const caching = { 'Cache-Control': 'public, max-age=3600, must-revalidate' } as const

function typed(distType: DistType): Readonly<Record<string, string>> {
  return {
    'Content-Type': contentTypes[distType],
    'Content-Disposition': 'attachment',
    'Content-Security-Policy': "default-src 'none'; sandbox",
  }
}

function answerBlob(request: RouteRequest, blob: Found, distType: DistType): Answer {
  const { sha256, sizeBytes } = blob
  const etag = `"${sha256}"`
  const common = { ...caching, ETag: etag, 'Accept-Ranges': 'bytes' }
  const part = wantedPart(request, { etag, sizeBytes })
  if (part === 'nothing' || part === 'unsatisfiable') {
    blob.leave?.()
    return part === 'nothing'
      ? { status: 304, headers: common }
      : { status: 416, headers: { ...common, 'Content-Range': `bytes */${sizeBytes}` } }
  }
  const { from, to } = part === 'whole' ? { from: 0, to: sizeBytes } : part
  const headers = { ...common, ...typed(distType), 'Content-Length': String(to - from) }
  if (part === 'whole') return answerWhole(headers, blob)
  return {
    status: 206,
    headers: { ...headers, 'Content-Range': `bytes ${from}-${to - 1}/${sizeBytes}` },
    body: blob.held?.subarray(from, to) ?? blob.bytes(part),
  }
}

function answerWhole(headers: Answer['headers'], { held, bytes, onAgain }: Found): Answer {
  const body = held ?? { [Symbol.asyncIterator]: () => bytes()[Symbol.asyncIterator]() }
  return { status: 200, headers, body, onAgain }
}

function wantedPart(
  { method, headers }: RouteRequest,
  whole: Parameters<typeof wantedRange>[1],
): ReturnType<typeof wantedRange> | 'nothing' {
  if (namesTag(headers['if-none-match'] ?? '', whole.etag)) return 'nothing'
  return method === 'GET' ? wantedRange(headers, whole) : 'whole'
}

/** Nobody knows its hash yet; and what isn't kept here wasn't looked through, so nobody else keeps it. */
function answerArriving({ sizeBytes, bytes, whole }: Arriving, distType: DistType): Answer {
  const length = sizeBytes === undefined ? {} : { 'Content-Length': String(sizeBytes) }
  const cached = whole === undefined ? { 'Cache-Control': 'no-store' } : caching
  return { status: 200, headers: { ...cached, ...typed(distType), ...length }, body: bytes() }
}

/**
 * Such a request can't be answered without knowing all of the archive. Without a length, a client of
 * HTTP/1.0 couldn't tell an archive that is cut off from a whole one.
 */
function asksForMore(
  { method, headers, httpVersion }: RouteRequest,
  { sizeBytes }: Arriving,
): boolean {
  return (
    method === 'HEAD' ||
    headers.range !== undefined ||
    headers['if-none-match'] !== undefined ||
    (httpVersion === '1.0' && sizeBytes === undefined)
  )
}

function archiveRequest({
  param,
  query,
  client,
}: RouteRequest): ArchiveRequest & { readonly distType: DistType } {
  const packageName = parsePackageName(param('vendor'), param('package'))
  const version = param('version')
  const [, referenceToken = '', distType = ''] = /^([^.]*)\.([a-z]+)$/.exec(param('file')) ?? []
  if (packageName === undefined || !isDistType(distType)) throw notAnArchive()
  if (!isVersionToken(version) || !isReferenceToken(referenceToken)) throw notAnArchive()
  const sha1 = wantedSha1(query)
  return { packageName, versionToken: version, referenceToken, distType, sha1, client }
}

function wantedSha1(query: URLSearchParams): Sha1 | undefined {
  const asked = query.get('sha1')
  if (asked === null) return undefined
  const sha1 = Sha1.safeParse(asked).data
  if (sha1 === undefined) throw notAnArchive()
  return sha1
}

function notAnArchive(): AppError {
  return new AppError(
    'archive_not_found',
    'archives are at /dist-proxy/{vendor}/{package}/{version}/{reference}.{type}, with ?sha1= or without',
  )
}
