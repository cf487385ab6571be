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

/** Nobody evicts everything by leaving out what they meant. */
const Body = z
  .strictObject({
    package: PackageName.optional().describe('Only what is of it.'),
    olderThan: Duration.optional().describe('Only what was not used for so long.'),
    all: z.literal(true).optional().describe('In place of both: all that is cached.'),
    dryRun: z.boolean().default(false).describe('true: only says what would go.'),
    reason: Reason.optional(),
  })
  .refine(
    ({ package: name, olderThan, all, dryRun }) =>
      all === undefined
        ? dryRun || name !== undefined || olderThan !== undefined
        : name === undefined && olderThan === undefined,
    'must have a `package`, an `olderThan` such as P30D, or `"all": true` and neither, for all that is cached; ' +
      '`"dryRun": true` says what would go',
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
      body: Body,
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
