import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // What was ever sent of a document that something is laid over, and the date that stands for it. Clients
  // revalidate by date, so one that was given to some bytes is never given to others.
  await sql`
    create table overlaid_date (
      document text        not null,
      digest   text        not null,
      date     timestamptz not null,
      primary key (document, digest),
      unique (document, date)
    )`.execute(db)
}
