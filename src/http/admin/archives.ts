import { z } from 'zod'
import type { AcceptArchive } from '../../archives/accept.ts'
import { PackageName } from '../../composer/names.ts'
import { Reason, Sha256 } from '../../events/event-schema.ts'
import { endpoint } from '../endpoint.ts'
import type { ApiRoute } from '../route.ts'

const Reference = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must be a reference as metadata has it, such as a commit')

/** What upstream offers under a commit in place of what was stored. */
export function acceptArchiveRoute(accept: AcceptArchive): ApiRoute {
  return endpoint({
    policy: 'admin',
    method: 'post',
    path: '/api/v1/proxy/accept-archive',
    id: 'acceptArchive',
    summary: 'Accepts the other files that upstream offers under a reference (`archive_differs`)',
    description:
      'Those that were seen when the alert was raised, and no others, are fetched at the next request. The ' +
      'archive before stays for whoever names it by its SHA-1. To keep it instead, acknowledge the alert.',
    body: z.strictObject({
      package: PackageName,
      reference: Reference,
      reason: Reason.optional(),
    }),
    result: z.object({
      package: PackageName,
      accepted: z.array(
        z.object({
          distType: z.string(),
          treeSha256: Sha256.describe('of the files that were stored'),
          upstreamTreeSha256: Sha256.describe('of the files that are accepted'),
        }),
      ),
    }),
    errors: ['archive_not_found'],
    async handle({ body, actor, requestId }) {
      const { package: packageName, reference, reason } = body
      const accepted = await accept({ packageName, reference, actor, requestId, reason })
      return { package: packageName, accepted: [...accepted] }
    },
  })
}
