import { sql } from 'kysely'
import type { Db } from '../database/schema.ts'

/** The right of one node to do a job, for a while. */
export interface Lease {
  /**
   * Takes it when nobody has it, or renews it. Whoever got it may lose it before the job is done, by
   * being slow: so it saves work, and what must not happen twice needs a fence of its own.
   */
  readonly take: () => Promise<boolean>
  /** Gives it back, so that another node needn't wait until it runs out. */
  readonly release: () => Promise<void>
}

export interface LeaseOptions {
  readonly name: string
  /** UUID of the node, made anew at each start. */
  readonly holder: string
  readonly seconds: number
}

export function createLease(db: Db, { name, holder, seconds }: LeaseOptions): Lease {
  return {
    async take() {
      const { rows } = await sql`
        insert into job_lease (name, holder, expires_at)
        values (${name}, ${holder}, clock_timestamp() + make_interval(secs => ${seconds}))
        on conflict (name) do update
          set holder = excluded.holder, expires_at = excluded.expires_at
          where job_lease.holder = excluded.holder or job_lease.expires_at <= clock_timestamp()
        returning name`.execute(db)
      return rows.length === 1
    },
    async release() {
      await db
        .deleteFrom('job_lease')
        .where('name', '=', name)
        .where('holder', '=', holder)
        .execute()
    },
  }
}
