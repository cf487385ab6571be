import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // The bytes of documents as observed: a keyframe is whole, any other is what differs from its base.
  await sql`
    create table snapshot (
      sha256       text  primary key check (sha256 ~ '^[0-9a-f]{64}$'),
      size_bytes   int   not null check (size_bytes >= 0),
      base_sha256  text  references snapshot,
      -- how many snapshots this one is away from its keyframe, which bounds the cost of reading it
      depth        int   not null check (depth between 0 and 31),
      prefix_bytes int   not null check (prefix_bytes >= 0),
      suffix_bytes int   not null check (suffix_bytes >= 0),
      -- raw deflate of the whole body, or of what lies between prefix and suffix
      deflated     bytea not null,
      check ((base_sha256 is null) = (depth = 0))
    )`.execute(db)
  await sql`alter table snapshot alter column deflated set storage external`.execute(db)
  await sql`
    create trigger snapshot_is_append_only before update or delete or truncate on snapshot
      for each statement execute function refuse_change()`.execute(db)

  // oid, not bigint: vacuumlo and every other tool find large objects by columns of that type.
  await sql`
    create table blob (
      sha256     text   primary key check (sha256 ~ '^[0-9a-f]{64}$'),
      oid        oid    not null unique,
      size_bytes bigint not null check (size_bytes >= 0)
    )`.execute(db)
}
