import { sql } from 'kysely'
import type { Logger } from 'pino'
import type { Db } from '../database/schema.ts'

/** What removed large objects still take on the disk. */
export interface DeadSpace {
  readonly add: (bytes: bigint) => void
  /**
   * Makes it reusable, which is PostgreSQL's VACUUM, when it is more than so much. Never rejects: one
   * that fails is made up for by the next.
   */
  readonly reuse: (moreThanBytes: bigint) => Promise<void>
}

/** Where the role mayn't vacuum, PostgreSQL's own autovacuum has to do, which is said once. */
export function createDeadSpace(db: Db, logger: Logger): DeadSpace {
  let deadBytes = 0n
  let isAllowed: boolean | undefined

  async function makeReusable(): Promise<void> {
    if (isAllowed === undefined) {
      isAllowed = await mayVacuum(db)
      if (!isAllowed) logger.warn(notAllowed)
    }
    if (isAllowed) await vacuum(db)
  }
  return {
    add: (bytes) => void (deadBytes += bytes),
    async reuse(moreThanBytes) {
      if (deadBytes <= moreThanBytes) return
      deadBytes = 0n
      await makeReusable().catch((error: unknown) => {
        logger.warn({ err: error }, 'the space of evicted archives is not reusable yet')
      })
    },
  }
}

const notAllowed =
  'this role may not vacuum large objects: the space of evicted archives becomes reusable when ' +
  'PostgreSQL does it by itself, so leave room for 1.4 times PROXY_MAX_CACHE_SIZE and more'

// PostgreSQL only warns when it skips a table that the role mayn't vacuum.
async function mayVacuum(db: Db): Promise<boolean> {
  const { rows } = await sql<{ allowed: boolean }>`
    select pg_has_role(datdba, 'usage') or exists (
      select from pg_roles where rolname = 'pg_maintain' and pg_has_role(oid, 'usage')
    ) as allowed
    from pg_database where datname = current_database()`.execute(db)
  return rows[0]?.allowed === true
}

/** As long as it takes: of a large cache, that is longer than any other statement may. */
async function vacuum(db: Db): Promise<void> {
  await db.connection().execute(async (one) => {
    await sql`set statement_timeout = 0`.execute(one)
    try {
      await sql`vacuum pg_largeobject`.execute(one)
    } finally {
      await sql`reset statement_timeout`.execute(one)
    }
  })
}
