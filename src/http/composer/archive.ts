import type { OpenArchive } from '../../archives/read-through.ts'
import { isReferenceToken, isVersionToken } from '../../composer/mirror-tokens.ts'
import { parsePackageName } from '../../composer/names.ts'
import { AppError } from '../../errors.ts'
import type { Route } from '../route.ts'

/** `/dist-proxy/{vendor}/{package}/{version}/{reference}.zip`, as the root file's `mirrors` says. */
export function packageArchive(openArchive: OpenArchive): Route {
  return {
    surface: 'composer',
    method: 'get',
    path: '/dist-proxy/:vendor/:package/:version/:file',
    async handle({ params, headers }) {
      const { vendor = '', package: name = '', version = '', file = '' } = params
      const packageName = parsePackageName(vendor, name)
      const [, reference = '', distType] = /^([^.]*)\.(zip)$/.exec(file) ?? []
      if (
        packageName === undefined ||
        distType === undefined ||
        !isVersionToken(version) ||
        !isReferenceToken(reference)
      ) {
        throw new AppError(
          'archive_not_found',
          'archives are at /dist-proxy/{vendor}/{package}/{version}/{reference}.zip',
        )
      }
      const blob = await openArchive({
        packageName,
        versionToken: version,
        referenceToken: reference,
        distType,
      })
      const etag = `"${blob.sha256}"`
      const common = { ETag: etag, 'Cache-Control': 'public, max-age=31536000, immutable' }
      if (headers['if-none-match'] === etag) return { status: 304, headers: common }
      return {
        status: 200,
        headers: {
          ...common,
          'Content-Type': 'application/zip',
          'Content-Length': String(blob.sizeBytes),
          'Content-Disposition': 'attachment',
          'Content-Security-Policy': "default-src 'none'; sandbox",
        },
        body: blob.bytes(),
      }
    },
  }
}
