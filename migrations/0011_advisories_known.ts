import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // What upstream last said about the advisories of each package, for when it doesn't answer. Shared by all nodes.
  // What is lost is learned again by the next question.
  await sql`
    create table advisories_known (
      -- its URL
      upstream     text        not null,
      package_name text        not null,
      -- JSON of the list
      advisories   text        not null,
      size_bytes   int         not null,
      -- when it was asked for
      learned_at   timestamptz not null,
      primary key (upstream, package_name)
    )`.execute(db)
}
