import { z } from 'zod'
import { PackageName } from '../../composer/names.ts'
import { AppError } from '../../errors.ts'
import { Reason } from '../../events/event-schema.ts'
import type { Freezes } from '../../freezes.ts'
import { Instant, parsePin } from '../../time-machine/instant.ts'
import { endpoint } from '../endpoint.ts'
import { packageNamed, packageParams } from '../packages/names.ts'
import type { ApiRoute } from '../route.ts'
import { KeptOut, keptOutAnswer, type KeptOutDeps } from './kept-out.ts'

const commit = z.string().nullable()

export const FrozenPackage = z.object({
  package: PackageName,
  at: Instant.describe('The package is served as it was then …'),
  since: Instant.describe('… since then.'),
  by: z.string(),
  reason: z.string().nullable(),
  heldBack: z
    .object({
      versions: z.array(z.string()).readonly().describe('Not served at all.'),
      moved: z
        .array(z.object({ version: z.string(), served: commit, upstream: commit }))
        .readonly()
        .describe('Served with another commit than upstream has now.'),
    })
    .describe('What upstream has now, as far as it was observed, and unfreezing would show.'),
})

/** Of each kind; a package seldom has more. */
const versionsShownMax = 1_000

export function freezeRoutes(
  deps: Freezes & { readonly keptOut: KeptOutDeps['byFreeze'] },
): readonly ApiRoute[] {
  return [freezePackage(deps), unfreezePackage(deps)]
}

function freezePackage({
  freeze,
  keptOut,
}: Pick<Freezes, 'freeze'> & { readonly keptOut: KeptOutDeps['byFreeze'] }): ApiRoute {
  return endpoint({
    policy: 'admin',
    method: 'post',
    path: '/api/v1/proxy/freeze/:vendor/:package',
    id: 'freeze',
    summary: 'Has a package served as it is now, or as it was at an instant, until it is unfrozen',
    description:
      'Upstream goes on being observed. Of a frozen package, only the archives that its documents ' +
      'name are served. Blocks and lists of malware still apply. What is frozen already stays as ' +
      'it is, unless another instant is named.',
    params: packageParams,
    body: z.strictObject({
      at: z
        .string()
        .optional()
        .describe('2026-05-01, RFC 3339 or 20260501T120000Z; left out, it is now.'),
      reason: Reason.optional(),
    }),
    result: FrozenPackage.extend({
      frozen: z.literal(true),
      holds: z
        .object({
          count: z.int(),
          versions: z.array(z.string()).describe(`${versionsShownMax} at most.`),
        })
        .describe('The versions that are served.'),
      ...KeptOut.shape,
    }),
    errors: ['package_not_found', 'package_reserved', 'invalid_instant', 'upstream_unavailable'],
    async handle({ params: name, body: { at, reason }, actor, requestId }) {
      const packageName = packageNamed(name)
      const written = { packageName, actor, requestId, reason }
      const instant = at === undefined ? undefined : instantOf(at)
      const held = await freeze({ ...written, at: instant })
      const { holds } = held
      return {
        ...held,
        frozen: true as const,
        holds: { count: holds.length, versions: holds.slice(0, versionsShownMax) },
        ...keptOutAnswer(await keptOut(held)),
      }
    },
  })
}

function unfreezePackage({ unfreeze }: Pick<Freezes, 'unfreeze'>): ApiRoute {
  return endpoint({
    policy: 'admin',
    method: 'post',
    path: '/api/v1/proxy/unfreeze/:vendor/:package',
    id: 'unfreeze',
    summary: 'Has a package served as upstream has it again',
    description: 'What is not frozen stays as it is.',
    params: packageParams,
    body: z.strictObject({ reason: Reason.optional() }),
    result: z.object({ package: PackageName, frozen: z.literal(false) }),
    errors: ['package_not_found'],
    async handle({ params: name, body: { reason }, actor, requestId }) {
      const packageName = packageNamed(name)
      await unfreeze({ packageName, actor, requestId, reason })
      return { package: packageName, frozen: false as const }
    },
  })
}

function instantOf(text: string): Instant {
  const parsed = parsePin(text)
  if ('instant' in parsed) return parsed.instant
  throw new AppError('invalid_instant', parsed.refusal)
}
