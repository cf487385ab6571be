import type { Blob } from '../../archives/blobs.ts'
import type { ArchiveRequest, Arriving } from '../../archives/archive.ts'
import type { OpenArchive } from '../../archives/read-through.ts'
import { isReferenceToken, isVersionToken } from '../../composer/mirror-tokens.ts'
import { parsePackageName } from '../../composer/names.ts'
import { AppError } from '../../errors.ts'
import { namesTag } from '../conditional.ts'
import { wantedRange } from '../ranges.ts'
import type { Answer, Route, RouteRequest } from '../route.ts'

/** `/dist-proxy/{vendor}/{package}/{version}/{reference}.zip`, as the root file's `mirrors` says. */
export function packageArchive(openArchive: OpenArchive): Route {
  return {
    surface: 'composer',
    policy: 'open',
    method: 'get',
    path: '/dist-proxy/:vendor/:package/:version/:file',
    async handle(request) {
      const archive = await openArchive(archiveRequest(request))
      if ('sha256' in archive) return answerBlob(request, archive)
      if (archive.whole !== undefined && asksForMore(request)) {
        return answerBlob(request, await archive.whole)
      }
      return answerArriving(archive)
    },
  }
}

/** What holds for every answer: the URL names a commit, whose archive stays the same. */
const immutable = { 'Cache-Control': 'public, max-age=31536000, immutable' } as const

const typed = {
  'Content-Type': 'application/zip',
  'Content-Disposition': 'attachment',
  'Content-Security-Policy': "default-src 'none'; sandbox",
} as const

function answerBlob({ method, headers }: RouteRequest, blob: Blob): Answer {
  const { sha256, sizeBytes } = blob
  const etag = `"${sha256}"`
  const common = { ...immutable, ETag: etag, 'Accept-Ranges': 'bytes' }
  if (namesTag(headers['if-none-match'] ?? '', etag)) return { status: 304, headers: common }
  const range = method === 'GET' ? wantedRange(headers, { etag, sizeBytes }) : 'whole'
  if (range === 'unsatisfiable') {
    return { status: 416, headers: { ...common, 'Content-Range': `bytes */${sizeBytes}` } }
  }
  if (range === 'whole') {
    const whole = { ...common, ...typed, 'Content-Length': String(sizeBytes) }
    return { status: 200, headers: whole, body: blob.held ?? blob.bytes() }
  }
  const { from, to } = range
  return {
    status: 206,
    headers: {
      ...common,
      ...typed,
      'Content-Length': String(to - from),
      'Content-Range': `bytes ${from}-${to - 1}/${sizeBytes}`,
    },
    body: blob.held?.subarray(from, to) ?? blob.bytes(range),
  }
}

/** Nobody knows its hash yet. */
function answerArriving({ sizeBytes, bytes }: Arriving): Answer {
  const length = sizeBytes === undefined ? {} : { 'Content-Length': String(sizeBytes) }
  return { status: 200, headers: { ...immutable, ...typed, ...length }, body: bytes() }
}

/** Such a request can't be answered without knowing all of the archive. */
function asksForMore({ method, headers }: RouteRequest): boolean {
  return method === 'HEAD' || headers.range !== undefined || headers['if-none-match'] !== undefined
}

function archiveRequest({ param }: RouteRequest): ArchiveRequest {
  const packageName = parsePackageName(param('vendor'), param('package'))
  const version = param('version')
  const [, referenceToken, distType] = /^([^.]*)\.(zip)$/.exec(param('file')) ?? []
  if (packageName === undefined || referenceToken === undefined || distType === undefined) {
    throw notAnArchive()
  }
  if (!isVersionToken(version) || !isReferenceToken(referenceToken)) throw notAnArchive()
  return { packageName, versionToken: version, referenceToken, distType }
}

function notAnArchive(): AppError {
  return new AppError(
    'archive_not_found',
    'archives are at /dist-proxy/{vendor}/{package}/{version}/{reference}.zip',
  )
}
