import { z } from 'zod'
import { PackageName } from '../../composer/names.ts'
import { Reason } from '../../events/event-schema.ts'
import type { Purge } from '../../purge.ts'
import { parseDuration } from '../../time-machine/duration.ts'
import { endpoint } from '../endpoint.ts'
import type { ApiRoute } from '../route.ts'

const Duration = z
  .string()
  .refine(
    (text) => parseDuration(text) !== undefined,
    'must be an ISO 8601 duration in weeks, days, hours, minutes and seconds, like P30D or PT12H',
  )

export function purgeRoutes(purge: Purge): readonly ApiRoute[] {
  return [
    endpoint({
      policy: 'admin',
      method: 'post',
      path: '/api/v1/proxy/purge',
      id: 'purge',
      summary: 'Evicts cached archives, and has documents revalidated at their next request',
      description:
        'History, pins and private packages stay as they are. Purging one package also accepts what ' +
        'upstream has now in place of archives that differ from those stored before.',
      body: z.strictObject({
        package: PackageName.optional(),
        olderThan: Duration.optional(),
        dryRun: z.boolean().default(false),
        reason: Reason.optional(),
      }),
      result: z.object({
        dryRun: z.boolean(),
        archives: z.int(),
        sizeBytes: z.int(),
        lastCopies: z.int().describe('of those archives, what upstream no longer has'),
        documents: z.int(),
      }),
      async handle({ body, actor, requestId }) {
        const { package: packageName, olderThan, dryRun, reason } = body
        const olderThanSeconds = olderThan === undefined ? undefined : parseDuration(olderThan)
        const purged = await purge({
          packageName,
          olderThanSeconds,
          dryRun,
          actor,
          requestId,
          reason,
        })
        return { dryRun, ...purged }
      },
    }),
  ]
}
