import { z } from 'zod'
import { may } from '../../access/principal.ts'
import { PackageName, vendorOf } from '../../composer/names.ts'
import { Sha256, sizeBytes } from '../../events/event-schema.ts'
import type { Packages } from '../../private/publish/packages.ts'
import { Instant } from '../../time-machine/instant.ts'
import { endpoint } from '../endpoint.ts'
import type { ApiRoute } from '../route.ts'
import { packageNamed, packageParams } from './names.ts'

export function packageRoutes({ list, show }: Packages): readonly ApiRoute[] {
  return [
    endpoint({
      policy: 'read_private',
      method: 'get',
      path: '/api/v1/packages',
      id: 'listPackages',
      summary: 'Your own packages, those that you may read',
      result: z.object({
        packages: z.array(
          z.object({
            package: PackageName,
            versions: z.int().describe('How many are served.'),
            lastPublishedAt: Instant,
          }),
        ),
      }),
      async handle({ principal }) {
        const packages = await list()
        return {
          packages: packages.filter((each) => may(principal, 'read', vendorOf(each.package))),
        }
      },
    }),
    endpoint({
      policy: 'read_private',
      method: 'get',
      path: '/api/v1/packages/:vendor/:package',
      id: 'readPackage',
      summary: 'All that was ever published of a package of your own, the newest first',
      params: packageParams,
      result: z.object({
        package: PackageName,
        versions: z
          .array(
            z.object({
              version: z.string(),
              versionNormalized: z.string(),
              state: z
                .enum(['served', 'withdrawn', 'moved_on'])
                .describe('moved_on: a branch has another state since.'),
              reference: Sha256,
              shasum: z.string(),
              sizeBytes,
              publishedAt: Instant,
              publishedBy: z.string(),
            }),
          )
          .readonly(),
      }),
      errors: ['package_not_found'],
      async handle({ params }) {
        const packageName = packageNamed(params)
        return { package: packageName, versions: await show(packageName) }
      },
    }),
  ]
}
