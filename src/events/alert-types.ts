import { z } from 'zod'
import { event, text, written } from './event-schema.ts'

/** What can be wrong with the running service; an alert's code, as `src/alerts/codes.ts` explains it. */
export const ConditionCode = z.enum([
  'upstream_failing',
  'upstream_rate_limiting',
  'archives_refused',
  'feed_lagging',
  'cache_over_limit',
  'disk_nearly_full',
  'projection_stopped',
  'private_archive_lost',
  'token_guesses',
])
export type ConditionCode = z.infer<typeof ConditionCode>

/** Of one code, a condition can hold of several things at once, each an alert of its own. */
const condition = { code: ConditionCode, subject: text } as const

/** Something began to be wrong with the running service. */
export const AlertOpened = event('AlertOpened', { ...condition, detail: text })

/** It still was, some time later. */
export const AlertContinued = event('AlertContinued', { ...condition, detail: text })

/** It was over. */
export const AlertResolved = event('AlertResolved', condition)

/** Somebody has seen an alert: of a condition, or one that other events opened. */
export const AlertAcknowledged = event('AlertAcknowledged', { id: z.uuid(), ...written })
