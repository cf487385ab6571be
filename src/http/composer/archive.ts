import type { Blob } from '../../archives/blobs.ts'
import type { ArchiveRequest, OpenArchive } from '../../archives/read-through.ts'
import { type DistType, isDistType } from '../../composer/dist-types.ts'
import { isReferenceToken, isVersionToken } from '../../composer/mirror-tokens.ts'
import { parsePackageName } from '../../composer/names.ts'
import { AppError } from '../../errors.ts'
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

/**
 * `/dist-proxy/{vendor}/{package}/{version}/{reference}.{type}`, as `distTemplate` says. A name behind
 * it tells Composer what to call what is one file, and nothing to us.
 */
export function packageArchive(openArchive: OpenArchive): Route {
  return {
    surface: 'composer',
    method: 'get',
    path: '/dist-proxy/:vendor/:package/:version/:file{/:name}',
    async handle(request) {
      const asked = archiveRequest(request)
      return answerBlob(request, await openArchive(asked), contentTypes[asked.distType])
    },
  }
}

function answerBlob({ method, headers }: RouteRequest, blob: Blob, contentType: string): Answer {
  const { sha256, sizeBytes } = blob
  const etag = `"${sha256}"`
  const common = {
    ETag: etag,
    'Cache-Control': 'public, max-age=31536000, immutable',
    'Accept-Ranges': 'bytes',
  }
  if (namesTag(headers['if-none-match'] ?? '', etag)) return { status: 304, headers: common }
  const range = method === 'GET' ? wantedRange(headers, { etag, sizeBytes }) : 'whole'
  if (range === 'unsatisfiable') {
    return { status: 416, headers: { ...common, 'Content-Range': `bytes */${sizeBytes}` } }
  }
  const typed = {
    ...common,
    'Content-Type': contentType,
    'Content-Disposition': 'attachment',
    'Content-Security-Policy': "default-src 'none'; sandbox",
  }
  if (range === 'whole') {
    const whole = { ...typed, 'Content-Length': String(sizeBytes) }
    return { status: 200, headers: whole, body: blob.held ?? blob.bytes() }
  }
  const { from, to } = range
  return {
    status: 206,
    headers: {
      ...typed,
      'Content-Length': String(to - from),
      'Content-Range': `bytes ${from}-${to - 1}/${sizeBytes}`,
    },
    body: blob.held?.subarray(from, to) ?? blob.bytes(range),
  }
}

function archiveRequest({ param }: RouteRequest): ArchiveRequest & { readonly distType: DistType } {
  const packageName = parsePackageName(param('vendor'), param('package'))
  const version = param('version')
  const [, referenceToken = '', distType = ''] = /^([^.]*)\.([a-z]+)$/.exec(param('file')) ?? []
  if (packageName === undefined || !isDistType(distType)) throw notAnArchive()
  if (!isVersionToken(version) || !isReferenceToken(referenceToken)) throw notAnArchive()
  return { packageName, versionToken: version, referenceToken, distType }
}

function notAnArchive(): AppError {
  return new AppError(
    'archive_not_found',
    'archives are at /dist-proxy/{vendor}/{package}/{version}/{reference}.{type}',
  )
}
