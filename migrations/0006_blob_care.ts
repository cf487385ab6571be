import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // Defaults are for the blobs that are here, and for nodes of the release before.
  await sql`
    alter table blob
      -- when it was last put; what is young may have its event still to come
      add column stored_at   timestamptz not null default now(),
      -- when its bytes were last known to be right
      add column scrubbed_at timestamptz not null default now()`.execute(db)
  await sql`create index blob_scrubbed_at on blob (scrubbed_at)`.execute(db)
  // Damaged blobs, kept for a while to be looked at. The column is of type oid for the same reason.
  await sql`
    create table blob_quarantine (
      oid            oid         primary key,
      sha256         text        not null check (sha256 ~ '^[0-9a-f]{64}$'),
      size_bytes     bigint      not null check (size_bytes >= 0),
      quarantined_at timestamptz not null,
      problem        text        not null
    )`.execute(db)
}
