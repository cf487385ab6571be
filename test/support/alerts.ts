import * as assert from 'uvu/assert'
import { z } from 'zod'
import { pass, secondOf } from './feed.ts'
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

/** The watch looks every 15 seconds; over a longer time, every minute will do here. */
export async function watch(service: Service, seconds: number): Promise<void> {
  const stepSeconds = seconds > 200 ? 60 : 15
  for (let passed = 0; passed < seconds; passed += stepSeconds) {
    pass(service, stepSeconds)
    await service.runJob('alerts')
  }
}

export async function isOpen(service: Service, code: string): Promise<boolean> {
  return (await alertsOf(service, code, '?state=open')).length > 0
}

/** The alert of this code, which was resolved just now. */
export async function isResolved(service: Service, { id, code }: ShownAlert): Promise<void> {
  const [newest] = await alertsOf(service, code)
  assert.is(newest?.id, id, 'it is still the one that was open')
  assert.is(newest?.state, 'resolved')
  assert.is(newest?.resolvedAt, secondOf(service.clock.now()))
}
