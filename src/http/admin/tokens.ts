import { z } from 'zod'
import type { Tokens } from '../../access/tokens.ts'
import { parsePackageName } from '../../composer/names.ts'
import { Reason } from '../../events/event-schema.ts'
import { Grant } from '../../events/token-types.ts'
import { Instant, parseInstant } from '../../time-machine/instant.ts'
import { endpoint } from '../endpoint.ts'
import type { ApiRoute } from '../route.ts'

const Token = z.object({
  id: z.string(),
  name: z.string(),
  grants: z.array(Grant).readonly(),
  state: z.enum(['active', 'expired', 'revoked']),
  issuedAt: Instant,
  issuedBy: z.string(),
  expiresAt: Instant.nullable().describe('null: it counts until it is revoked.'),
  revokedAt: Instant.nullable(),
  replacedBy: z.string().nullable().describe('Id of the token that was issued in its place.'),
  lastUsedAt: Instant.nullable().describe('A minute old at most.'),
  useCount: z.int(),
})

const ShownToken = Token.extend({
  token: z.string().describe('Shown this once: only its SHA-256 is kept.'),
})

const Vendor = z
  .string()
  .max(100)
  .refine(
    (text) => parsePackageName(text, 'any') !== undefined,
    'must be a vendor, like acme: what the names of its packages begin with, in lower case',
  )

/** So many names of vendors fit into an event, however long they are. */
const vendorsMax = 500

const Grants = z
  .array(
    z.strictObject({
      scope: Grant.shape.scope.describe('`admin` includes `read` and `publish`.'),
      vendors: z
        .array(Vendor)
        .min(1)
        .max(100)
        .optional()
        .describe(
          'Whose packages; left out, those of all vendors, which admin routes need mostly.',
        ),
    }),
  )
  .min(1)
  .max(10)
  .refine(
    (grants) => grants.flatMap(({ vendors = [] }) => vendors).length <= vendorsMax,
    `may name ${vendorsMax} vendors in all`,
  )

const expiresAt = z
  .string()
  .refine(
    (text) => parseInstant(text) !== undefined,
    'must be an instant with its zone, like 2027-06-01T00:00:00Z',
  )

const params = z.object({ id: z.uuid('must be the id of a token').toLowerCase() })
const reason = Reason.optional()
const daySeconds = 86_400

export interface TokensDeps extends Tokens {
  /** Whether any package of the vendor is here, or reserved to be. */
  readonly hasVendor: (vendor: string) => Promise<boolean>
}

export function tokenRoutes(tokens: TokensDeps): readonly ApiRoute[] {
  return [issueToken(tokens), listTokens(tokens), rotateToken(tokens), revokeToken(tokens)]
}

const vendorsNamedMax = 5

/** A vendor that is misspelt would be found out when an install fails. */
async function warningsOf(
  grants: readonly Grant[],
  { hasVendor }: Pick<TokensDeps, 'hasVendor'>,
): Promise<string[]> {
  const unknown: string[] = []
  for (const vendor of new Set(grants.flatMap(({ vendors = [] }) => vendors))) {
    if (!(await hasVendor(vendor))) unknown.push(vendor)
  }
  if (unknown.length === 0) return []
  const others = unknown.length - vendorsNamedMax
  const more = others > 0 ? ` and ${others} more` : ''
  const named = unknown.slice(0, vendorsNamedMax).join(', ') + more
  return [
    `Nothing of ${named} is here yet, neither packages of yours nor public ones, and no setting reserves it: see whether that is how the vendor is written.`,
  ]
}

function issueToken({ issue, hasVendor }: TokensDeps): ApiRoute {
  return endpoint({
    policy: 'admin',
    method: 'post',
    path: '/api/v1/tokens',
    id: 'issueToken',
    summary: 'Issues a token',
    description:
      'It is sent as `Authorization: Bearer`, or as the password of `Basic` with any user name. Of what ' +
      'is for administrators, a grant for some vendors allows what names one of them in its path.',
    body: z.strictObject({
      name: Reason.max(100).describe('What it is for.'),
      grants: Grants,
      expiresAt: expiresAt
        .optional()
        .describe('RFC 3339; left out, it counts until it is revoked.'),
      reason,
    }),
    status: 201,
    result: ShownToken.extend({
      warnings: z
        .array(z.string())
        .describe('Sentences, such as that nothing of a vendor is here.'),
    }),
    errors: ['invalid_instant', 'still_catching_up'],
    async handle({ body, actor, requestId }) {
      // Before it is issued: it is shown this once.
      const warnings = await warningsOf(body.grants, { hasVendor })
      const request = { ...body, expiresAt: instantOf(body.expiresAt), actor, requestId }
      return { ...(await issue(request)), warnings }
    },
  })
}

function listTokens({ list }: Tokens): ApiRoute {
  return endpoint({
    policy: 'admin',
    method: 'get',
    path: '/api/v1/tokens',
    id: 'listTokens',
    summary: 'All tokens, also those that count no more',
    result: z.object({ tokens: z.array(Token).describe('Newest first, 10,000 at most.') }),
    handle: async () => ({ tokens: [...(await list())] }),
  })
}

function rotateToken({ rotate }: Tokens): ApiRoute {
  return endpoint({
    policy: 'admin',
    method: 'post',
    path: '/api/v1/tokens/:id/rotate',
    id: 'rotateToken',
    summary: 'Issues a token in the place of another, which counts for a while yet',
    description: 'The new one has the same name and grants.',
    params,
    body: z.strictObject({
      overlapSeconds: z
        .int()
        .min(0)
        .max(30 * daySeconds)
        .default(daySeconds)
        .describe(
          'For how long the old one counts beside the new one, if it does not expire before.',
        ),
      expiresAt: expiresAt
        .optional()
        .describe('RFC 3339; left out, it counts for as long as the old one was meant to.'),
      reason,
    }),
    status: 201,
    result: ShownToken,
    errors: ['token_not_found', 'token_not_rotatable', 'invalid_instant', 'still_catching_up'],
    async handle({ params: { id: tokenId }, body, actor, requestId }) {
      const request = { ...body, expiresAt: instantOf(body.expiresAt), actor, requestId }
      return await rotate({ ...request, tokenId })
    },
  })
}

function revokeToken({ revoke }: Tokens): ApiRoute {
  return endpoint({
    policy: 'admin',
    method: 'delete',
    path: '/api/v1/tokens/:id',
    id: 'revokeToken',
    summary: 'Has a token count no more, from now on and on every node',
    description: 'Its successor, if there is one, goes on. What is revoked already stays as it is.',
    params,
    body: z.strictObject({ reason }),
    result: Token,
    errors: ['token_not_found', 'still_catching_up'],
    async handle({ params: { id: tokenId }, body, actor, requestId }) {
      return await revoke({ ...body, tokenId, actor, requestId })
    },
  })
}

function instantOf(text: string | undefined): Instant | undefined {
  return text === undefined ? undefined : parseInstant(text)
}
