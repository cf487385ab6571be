import type { Database } from '../database/schema.ts'
import type { Instant } from '../time-machine/instant.ts'
import { type AlertCode, alertCodes, type Severity } from './codes.ts'

export type StoredAlert = Readonly<Database['alert']>

/** As it is shown and sent. */
export interface Alert {
  readonly id: string
  readonly code: AlertCode
  readonly severity: Severity
  readonly state: 'open' | 'resolved'
  readonly subject: string
  readonly firstSeenAt: Instant
  readonly lastSeenAt: Instant
  readonly resolvedAt: Instant | null
  readonly acknowledgedAt: Instant | null
  readonly acknowledgedBy: string | null
  readonly count: number
  readonly detail: string
  readonly action: string
}

export function alertOf(stored: StoredAlert): Alert {
  const { id, code, subject, count, detail } = stored
  const { severity, action } = alertCodes[code]
  return {
    id,
    code,
    severity,
    state: stored.resolved_at === null ? 'open' : 'resolved',
    subject,
    firstSeenAt: stored.first_seen_at,
    lastSeenAt: stored.last_seen_at,
    resolvedAt: stored.resolved_at,
    acknowledgedAt: stored.acknowledged_at,
    acknowledgedBy: stored.acknowledged_by,
    count,
    detail,
    action,
  }
}
