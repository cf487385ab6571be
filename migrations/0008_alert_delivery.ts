import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // What is to be, or was, told to the webhook. An alert is told of at most twice: when it opens and
  // when it is resolved.
  await sql`
    create table alert_delivery (
      id          text        primary key,
      alert_id    uuid        not null,
      -- when the alert opened or was resolved
      at          timestamptz not null,
      body        text        not null,
      failures    int         not null check (failures >= 0),
      next_try_at timestamptz not null,
      -- when it was delivered, or given up
      ended_at    timestamptz
    )`.execute(db)
  await sql`
    create index alert_delivery_open on alert_delivery (at) where ended_at is null`.execute(db)
}
