import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import type { Service } from './service.ts'
import type { Outage } from './upstream/outages.ts'

export const api = '/api/security-advisories/'
/** What the stub upstream knows of acme/log. */
export const forgedLines = 'PKSA-acme-log0-0001'

export const Told = z.strictObject({
  warnings: z.array(z.object({ message: z.string() })).optional(),
  infos: z.array(z.object({ message: z.string() })).optional(),
  warning: z.string().optional(),
  advisories: z
    .record(z.string(), z.array(z.looseObject({ advisoryId: z.string(), title: z.string() })))
    .optional(),
})

type Asked = Pick<Service, 'get'>

export function questionFor(names: readonly string[]): string {
  return `${api}?${names.map((name) => `packages[]=${name}`).join('&')}`
}

interface AdvisoriesAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly advisories: z.infer<typeof Told>['advisories']
  /** Of the advisories of each package. */
  readonly ids: Readonly<Record<string, readonly string[]>> | undefined
  readonly warning: string | undefined
  readonly notices: string
}

export async function ask({ get }: Asked, ...names: readonly string[]): Promise<AdvisoriesAnswer> {
  const { statusCode, headers, body } = await get(questionFor(names))
  const { warnings = [], infos = [], warning, advisories } = Told.parse(JSON.parse(body.toString()))
  const ids = Object.entries(advisories ?? {}).map(([name, all]): [string, readonly string[]] => [
    name,
    all.map(({ advisoryId }) => advisoryId),
  ])
  return {
    status: statusCode,
    headers,
    advisories,
    ids: advisories && Object.fromEntries(ids),
    warning,
    notices: [...warnings, ...infos].map(({ message }) => message).join(),
  }
}

/** Ends with a pause as long as upstream's being away may be remembered. */
export async function away<Outcome>(
  { upstream, clock }: Service,
  how: Outage,
  during: () => Promise<Outcome>,
): Promise<Outcome> {
  const end = await upstream.outage(how)
  try {
    return await during()
  } finally {
    await end()
    clock.advance(300)
  }
}
