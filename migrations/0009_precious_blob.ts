import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // Blobs that can't be fetched again from anywhere, whether they are there or not: a damaged one stays
  // precious. Its own table and no column of blob, whose row goes to quarantine and may come back with
  // an archive of upstream that happens to have the same bytes.
  await sql`
    create table precious_blob (
      sha256   text        primary key check (sha256 ~ '^[0-9a-f]{64}$'),
      -- when it was last put; what is young may have its event still to come
      named_at timestamptz not null
    )`.execute(db)
}
