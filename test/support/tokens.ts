import { randomUUID } from 'node:crypto'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { Grant } from '../../src/events/token-types.ts'
import { Problem } from '../../src/http/errors.ts'
import type { Service } from './service.ts'

const ShownToken = z.object({
  id: z.uuid(),
  name: z.string(),
  grants: z.array(Grant),
  state: z.enum(['active', 'expired', 'revoked']),
  issuedAt: z.string(),
  issuedBy: z.string(),
  expiresAt: z.string().nullable(),
  revokedAt: z.string().nullable(),
  replacedBy: z.string().nullable(),
  lastUsedAt: z.string().nullable(),
  useCount: z.int(),
})
const NewToken = ShownToken.extend({ token: z.string() })
type NewToken = z.infer<typeof NewToken>

type Asking = Pick<Service, 'api'>

interface Wanted {
  readonly name?: string
  readonly grants?: readonly Grant[]
  readonly expiresAt?: string
  readonly reason?: string
}

export async function issueToken({ api }: Asking, wanted: Wanted = {}): Promise<NewToken> {
  const json = { name: 'build server', grants: [{ scope: 'read' }], ...wanted }
  const { status, body } = await api('POST', '/api/v1/tokens', { json })
  assert.is(status, 201, JSON.stringify(body))
  return NewToken.parse(body)
}

export async function rotateToken(
  { api }: Asking,
  id: string,
  wanted: Readonly<Record<string, unknown>> = {},
): Promise<NewToken> {
  const { status, body } = await api('POST', `/api/v1/tokens/${id}/rotate`, { json: wanted })
  assert.is(status, 201, JSON.stringify(body))
  return NewToken.parse(body)
}

export async function revokeToken(
  { api }: Asking,
  id: string,
): Promise<z.infer<typeof ShownToken>> {
  const { status, body } = await api('DELETE', `/api/v1/tokens/${id}`)
  assert.is(status, 200, JSON.stringify(body))
  return ShownToken.parse(body)
}

export async function listTokens({ api }: Asking): Promise<readonly z.infer<typeof ShownToken>[]> {
  const { body } = await api('GET', '/api/v1/tokens')
  return z.object({ tokens: z.array(z.strictObject(ShownToken.shape)) }).parse(body).tokens
}

export async function listedToken(
  asking: Asking,
  id: string,
): Promise<z.infer<typeof ShownToken> | undefined> {
  return (await listTokens(asking)).find((token) => token.id === id)
}

/** A grant with which a token can be tried out. */
export const administering = [{ scope: 'admin' }] as const
export const administeredRoute = '/api/v1/proxy/blocks'

/** Of a token that may administer. */
export async function counts({ api }: Asking, token: string): Promise<boolean> {
  const { status } = await api('GET', administeredRoute, { token })
  assert.ok(status === 200 || status === 401, `${status}`)
  return status === 200
}

/** The status and why. */
export async function refusalOf({ api }: Asking, path: string, json: unknown): Promise<string> {
  const { status, body } = await api('POST', path, { json })
  return `${status} ${Problem.parse(body).detail}`
}

export const unknownId = randomUUID()
