import { z } from 'zod'
import type { Blocks } from '../../blocks.ts'
import { parseConstraint } from '../../composer/constraints.ts'
import { PackageName } from '../../composer/names.ts'
import { Reason } from '../../events/event-schema.ts'
import { Instant } from '../../time-machine/instant.ts'
import { endpoint } from '../endpoint.ts'
import type { ApiRoute } from '../route.ts'
import { KeptOut, keptOutAnswer, type KeptOutDeps } from './kept-out.ts'

/** As long as what an event says: whoever blocks more blocks twice. */
const constraintLengthMax = 500

const Constraint = z
  .string()
  .max(constraintLengthMax)
  .refine(
    (text) => parseConstraint(text) !== undefined,
    'must be a version constraint as Composer has it, like 1.0.2, ">=2.0 <2.3", "^3.1 || dev-main" or *',
  )

const Block = z.object({
  package: PackageName,
  source: z.enum(['malware', 'own']).describe('`malware`: the list of upstream.'),
  constraint: z.string(),
  reason: z.string().nullable(),
  since: Instant,
  by: z.string().nullable().describe('null: upstream.'),
})

const OfPackage = z.object({
  package: PackageName,
  blocks: z.array(Block).describe('What of the package is not served now.'),
})

export function blockRoutes(
  deps: Blocks & { readonly keptOut: KeptOutDeps['byBlock'] },
): readonly ApiRoute[] {
  return [blockVersions(deps), unblockVersions(deps), listBlocks(deps)]
}

function blockVersions({
  block,
  keptOut,
}: Pick<Blocks, 'block'> & { readonly keptOut: KeptOutDeps['byBlock'] }): ApiRoute {
  return endpoint({
    policy: 'admin',
    method: 'post',
    path: '/api/v1/proxy/block',
    id: 'block',
    summary: 'Has versions of a package served no more, now and at every date',
    description:
      'They are left out of metadata, with a warning, and their archives are 410. That is in force before it is looked up ' +
      'which versions it hits, for which upstream is waited for at most two seconds.',
    body: z.strictObject({
      package: PackageName,
      constraint: Constraint,
      reason: Reason.optional(),
    }),
    result: OfPackage.extend(KeptOut.shape),
    async handle({ body, actor, requestId }) {
      const { package: packageName, constraint, reason } = body
      const blocks = await block({ packageName, constraint, actor, requestId, reason })
      const hit = keptOutAnswer(await keptOut(packageName, constraint))
      return { package: packageName, blocks: [...blocks], ...hit }
    },
  })
}

function unblockVersions({ unblock }: Pick<Blocks, 'unblock'>): ApiRoute {
  return endpoint({
    policy: 'admin',
    method: 'post',
    path: '/api/v1/proxy/unblock',
    id: 'unblock',
    summary: 'Ends what `block` did',
    description: 'What upstream lists as malware stays blocked.',
    body: z.strictObject({
      package: PackageName,
      constraint: z
        .string()
        .max(constraintLengthMax)
        .optional()
        .describe('As it was blocked; left out, all of them.'),
      reason: Reason.optional(),
    }),
    result: OfPackage,
    async handle({ body, actor, requestId }) {
      const { package: packageName, constraint, reason } = body
      const blocks = await unblock({ packageName, constraint, actor, requestId, reason })
      return { package: packageName, blocks: [...blocks] }
    },
  })
}

function listBlocks({ list }: Pick<Blocks, 'list'>): ApiRoute {
  return endpoint({
    policy: 'admin',
    method: 'get',
    path: '/api/v1/proxy/blocks',
    id: 'listBlocks',
    summary: 'All that is blocked, by the operator or as malware',
    result: z.object({ blocks: z.array(Block) }),
    handle: async () => ({ blocks: [...(await list())] }),
  })
}
