import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // Upstream's list of its names, as last fetched, and the one that is in use until the change feed has been
  // compared with it. In the database and not in a file, since all nodes use the one that one of them fetched.
  // It is fetched again when it is lost.
  await sql`
    create table name_list (
      id         uuid        primary key,
      -- the stream of the upstream that it is of, and where it had it
      stream     text        not null,
      url        text        not null,
      fetched_at timestamptz not null,
      -- why it is of no use; null: it is of use
      problem    text,
      names      int         not null,
      salt       text        not null,
      -- 32 bits of each name's hash in ascending order, little-endian
      hashes     bytea       not null,
      -- packages that upstream has for sure and that aren't in it
      lacking    text[]      not null
    )`.execute(db)
}
