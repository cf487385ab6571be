import { z } from 'zod'
import type { Alert as ShownAlert } from '../../alerts/alert.ts'
import { Reason } from '../../events/event-schema.ts'
import { type Instant, parseInstant } from '../../time-machine/instant.ts'
import { endpoint } from '../endpoint.ts'
import { InstantText } from '../instant-text.ts'
import type { ApiRoute } from '../route.ts'

export interface AlertsDeps {
  readonly alerts: (asked: AlertQuery) => Promise<AlertList>
  /** @throws AppError `alert_not_found`, `still_catching_up` */
  readonly acknowledge: (acknowledgement: {
    readonly id: string
    readonly actor: string
    readonly requestId: string
    readonly reason?: string | undefined
  }) => Promise<ShownAlert>
}

export interface AlertQuery {
  /** undefined: those that are open, and those that were resolved lately. */
  readonly state?: 'open' | 'resolved' | 'all' | undefined
  readonly since?: Instant | undefined
}

export interface AlertList {
  readonly alerts: readonly ShownAlert[]
  /** undefined: nothing was recorded yet. */
  readonly asOf: Instant | undefined
  readonly behind: boolean
  readonly stopped: boolean
}

const instant = z.string().describe('UTC, like `2026-06-01T00:00:00.000000Z`.')

const Alert = z.object({
  id: z.string(),
  code: z.string().describe('What it is about, the same word in every release.'),
  severity: z.enum(['info', 'warning', 'critical']),
  state: z.enum(['open', 'resolved']),
  subject: z.string().describe('Which document, version, archive, origin or setting.'),
  firstSeenAt: instant,
  lastSeenAt: instant,
  resolvedAt: instant.nullable(),
  acknowledgedAt: instant.nullable(),
  acknowledgedBy: z.string().nullable(),
  count: z.int().describe('How often it was seen.'),
  detail: z.string(),
  action: z.string().describe('What to do.'),
})

const Alerts = z.object({
  alerts: z.array(Alert).describe('Newest first, 1,000 at most.'),
  asOf: instant.nullable().describe('Everything that was recorded up to then is in this answer.'),
  behind: z.boolean().describe('Something recorded since then is not in it yet.'),
  stopped: z
    .boolean()
    .describe('Nor will it be before somebody mends the read model; see /readyz.'),
})

const since = InstantText.describe('Only what was seen, resolved or acknowledged from then on.')

/** What somebody should look at. */
export function alertRoutes({ alerts, acknowledge }: AlertsDeps): readonly ApiRoute[] {
  return [
    endpoint({
      policy: 'admin',
      method: 'get',
      path: '/api/v1/proxy/alerts',
      id: 'listAlerts',
      summary: 'What somebody should look at, with what to do',
      description:
        'Opened and resolved by what is recorded; one alert for each code and subject. Unless told ' +
        'otherwise: those that are open, and those resolved within the last 7 days.',
      query: z.strictObject({
        state: z.enum(['open', 'resolved', 'all']).optional(),
        since: since.optional(),
      }),
      result: Alerts,
      async handle({ query }) {
        const from = query.since === undefined ? undefined : parseInstant(query.since)
        const { asOf, alerts: found, ...progress } = await alerts({ ...query, since: from })
        return { alerts: [...found], asOf: asOf ?? null, ...progress }
      },
    }),
    endpoint({
      policy: 'admin',
      method: 'post',
      path: '/api/v1/proxy/alerts/:id/acknowledge',
      id: 'acknowledgeAlert',
      summary: 'Notes that somebody has seen an alert',
      description:
        'Closes it, unless it is of a condition that still holds: that one is resolved when it is over. ' +
        'An alert that is acknowledged or resolved already stays as it is.',
      params: z.strictObject({ id: z.uuid('must be the id of an alert') }),
      body: z.strictObject({ reason: Reason.optional() }),
      result: Alert,
      errors: ['alert_not_found', 'still_catching_up'],
      handle: async ({ params, body, actor, requestId }) =>
        await acknowledge({ ...params, ...body, actor, requestId }),
    }),
  ]
}
