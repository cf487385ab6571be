import { sql } from 'kysely'
import type { Database, Db } from '../database/schema.ts'
import type { Instant } from '../time-machine/instant.ts'

export type Delivery = Readonly<Database['alert_delivery']>

/** What is to be told to the webhook, so that it outlives a restart. */
export interface Deliveries {
  /** To be made from now on. One that is known already stays as it is. */
  readonly add: (
    deliveries: readonly Pick<Delivery, 'id' | 'alert_id' | 'at' | 'body'>[],
    now: Instant,
  ) => Promise<void>
  /**
   * Those whose time has come, in the order in which it happened; that an alert is resolved waits until
   * it is told that it opened.
   */
  readonly due: (now: Instant, limit: number) => Promise<readonly Delivery[]>
  /** It was delivered, or is given up. */
  readonly end: (delivery: Delivery, at: Instant) => Promise<void>
  readonly postpone: (delivery: Delivery, nextTryAt: Instant) => Promise<void>
  /** Removes those that ended before then. */
  readonly forget: (before: Instant) => Promise<void>
}

export function createDeliveries(db: Db): Deliveries {
  return {
    async add(deliveries, now) {
      const values = deliveries.map((delivery) => ({
        ...delivery,
        failures: 0,
        next_try_at: now,
        ended_at: null,
      }))
      if (values.length === 0) return
      await db
        .insertInto('alert_delivery')
        .values(values)
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute()
    },
    async due(now, limit) {
      return await db
        .selectFrom('alert_delivery as d')
        .selectAll()
        .where('ended_at', 'is', null)
        .where('next_try_at', '<=', now)
        .where(
          sql<boolean>`not exists (
            select from alert_delivery e
            where e.alert_id = d.alert_id and e.ended_at is null and e.at < d.at)`,
        )
        .orderBy('at')
        .limit(limit)
        .execute()
    },
    async end({ id }, at) {
      await db.updateTable('alert_delivery').set({ ended_at: at }).where('id', '=', id).execute()
    },
    async postpone({ id, failures }, nextTryAt) {
      await db
        .updateTable('alert_delivery')
        .set({ failures: failures + 1, next_try_at: nextTryAt })
        .where('id', '=', id)
        .execute()
    },
    async forget(before) {
      await db.deleteFrom('alert_delivery').where('ended_at', '<', before).execute()
    },
  }
}
