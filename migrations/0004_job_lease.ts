import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // Which node does what only one should do, until when; by the clock of this server, which all share.
  await sql`
    create table job_lease (
      name       text        primary key,
      holder     uuid        not null,
      expires_at timestamptz not null
    )`.execute(db)
}
