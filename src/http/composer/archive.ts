import type { ArchiveRequest, OpenArchive } from '../../archives/read-through.ts'
import { isReferenceToken, isVersionToken } from '../../composer/mirror-tokens.ts'
import { parsePackageName } from '../../composer/names.ts'
import { AppError } from '../../errors.ts'
import type { Route, RouteRequest } from '../route.ts'

/** `/dist-proxy/{vendor}/{package}/{version}/{reference}.zip`, as the root file's `mirrors` says. */
export function packageArchive(openArchive: OpenArchive): Route {
  return {
    surface: 'composer',
    method: 'get',
    path: '/dist-proxy/:vendor/:package/:version/:file',
    async handle(request) {
      const blob = await openArchive(archiveRequest(request))
      const etag = `"${blob.sha256}"`
      const common = { ETag: etag, 'Cache-Control': 'public, max-age=31536000, immutable' }
      if (request.headers['if-none-match'] === etag) return { status: 304, headers: common }
      return {
        status: 200,
        headers: {
          ...common,
          'Content-Type': 'application/zip',
          'Content-Length': String(blob.sizeBytes),
          'Content-Disposition': 'attachment',
          'Content-Security-Policy': "default-src 'none'; sandbox",
        },
        body: blob.held ?? blob.bytes(),
      }
    },
  }
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
