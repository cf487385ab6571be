import * as assert from 'uvu/assert'
import { z } from 'zod'
import type { Service } from './service.ts'

/** Events that are recorded at once differ by microseconds; the clocks of tests go in seconds. */
const instant = z
  .string()
  .regex(/\.0000\d\dZ$/)
  .transform((text) => text.replace(/\.\d{6}/, ''))

const Alert = z.strictObject({
  id: z.uuid(),
  code: z.string(),
  severity: z.string(),
  state: z.string(),
  subject: z.string(),
  firstSeenAt: instant,
  lastSeenAt: instant,
  resolvedAt: instant.nullable(),
  acknowledgedAt: instant.nullable(),
  acknowledgedBy: z.string().nullable(),
  count: z.int(),
  detail: z.string(),
  action: z.string(),
})
export type ShownAlert = z.infer<typeof Alert>

const AlertList = z.strictObject({
  alerts: z.array(Alert),
  asOf: instant.nullable(),
  behind: z.boolean(),
  stopped: z.boolean(),
})
type ShownAlertList = z.infer<typeof AlertList>

type Asked = Pick<Service, 'api'>

/** @param query such as `?state=all`. */
export async function alertList({ api }: Asked, query = ''): Promise<ShownAlertList> {
  const { status, body } = await api('GET', `/api/v1/proxy/alerts${query}`)
  assert.is(status, 200, JSON.stringify(body))
  return AlertList.parse(body)
}

/** Of one code, the newest first. */
export async function alertsOf(
  service: Asked,
  code: string,
  query?: string,
): Promise<readonly ShownAlert[]> {
  return (await alertList(service, query)).alerts.filter((alert) => alert.code === code)
}

/** The only alert of its code that is open. */
export async function openAlert(service: Asked, code: string): Promise<ShownAlert> {
  const found = await alertsOf(service, code, '?state=open')
  assert.is(found.length, 1, `open alerts of ${code}`)
  const [alert] = found
  if (alert === undefined) throw new Error('there is one')
  return alert
}

export async function acknowledge({ api }: Asked, { id }: ShownAlert): Promise<ShownAlert> {
  const { status, body } = await api('POST', `/api/v1/proxy/alerts/${id}/acknowledge`)
  assert.is(status, 200, JSON.stringify(body))
  return Alert.parse(body)
}
