import { sql } from 'kysely'
import type { StoredAlert } from '../src/alerts/alert.ts'
import type { Transition } from '../src/alerts/deliver.ts'
import type { Db } from '../src/database/schema.ts'
import { ConditionCode } from '../src/events/alert-types.ts'
import type { Position } from '../src/events/types.ts'
import type { Instant } from '../src/time-machine/instant.ts'
import { readCheckpoint } from '../src/projector/checkpoint.ts'
import { schemaOf } from '../src/projector/projection.ts'
import { alert } from './alert.ts'

export interface AlertFilter {
  readonly state: 'open' | 'resolved' | 'all'
  /** Only what was resolved at or after; open alerts are in any case. */
  readonly resolvedSince?: Instant | undefined
  /** Only what was seen, resolved or acknowledged at or after. */
  readonly changedSince?: Instant | undefined
  readonly limit: number
}

/** The newest first. Index: alert_first_seen_at; as many rows as asked for. */
export async function readAlerts(db: Db, filter: AlertFilter): Promise<readonly StoredAlert[]> {
  const { state, resolvedSince, changedSince, limit } = filter
  let query = db.selectFrom('alert').selectAll()
  if (state !== 'all') query = query.where('resolved_at', state === 'open' ? 'is' : 'is not', null)
  if (resolvedSince !== undefined) {
    query = query.where(sql<boolean>`(resolved_at is null or resolved_at >= ${resolvedSince})`)
  }
  if (changedSince !== undefined) {
    query = query.where(
      sql<boolean>`greatest(last_seen_at, resolved_at, acknowledged_at) >= ${changedSince}`,
    )
  }
  return await query.orderBy('first_seen_at', 'desc').limit(limit).execute()
}

/** Index: primary key; at most one row. */
export async function readAlert(db: Db, id: string): Promise<StoredAlert | undefined> {
  return await db.selectFrom('alert').selectAll().where('id', '=', id).executeTakeFirst()
}

/** As many rows as there are. */
export async function readOpenConditions(
  db: Db,
): Promise<readonly { code: ConditionCode; subject: string; last_seen_at: Instant }[]> {
  return await db
    .selectFrom('alert')
    .select(['code', 'subject', 'last_seen_at'])
    .where('resolved_at', 'is', null)
    .where('code', 'in', ConditionCode.options)
    .$narrowType<{ code: ConditionCode }>()
    .execute()
}

/** Up to which event the alerts are told. */
export async function readAlertPosition(db: Db): Promise<Position> {
  return (await readCheckpoint(db, schemaOf(alert))) ?? 0n
}

/**
 * What opened or was resolved at or after, in that order, and isn't noted to be delivered yet.
 *
 * Indexes: alert_first_seen_at, alert_resolved_at.
 */
export async function readUndelivered(
  db: Db,
  { since, limit }: { readonly since: Instant; readonly limit: number },
): Promise<readonly Transition[]> {
  const { rows } = await sql<StoredAlert & { transition: Transition['transition']; at: Instant }>`
    select alert.*, transition, at
    from (
      select id, 'opened' as transition, first_seen_at as at from alert
      where first_seen_at >= ${since}
      union all
      select id, 'resolved', resolved_at from alert where resolved_at >= ${since}
    ) as transitions join alert using (id)
    where not exists (
      select from alert_delivery d where d.id = transitions.id || '.' || transition
    )
    order by at limit ${limit}`.execute(db)
  return rows.map(({ transition, at, ...row }) => {
    return { id: `${row.id}.${transition}`, transition, at, alert: row }
  })
}
