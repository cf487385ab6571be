import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // How far each build of a read model has come; its tables are in the schema of that name.
  await sql`
    create table projection_checkpoint (
      schema_name text   primary key,
      position    bigint not null check (position >= 0)
    )`.execute(db)
  // Digest of the generated admin token: the token itself is shown once and kept nowhere.
  await sql`
    create table admin_token (
      one    boolean primary key default true check (one),
      sha256 text    not null check (sha256 ~ '^[0-9a-f]{64}$')
    )`.execute(db)
  // Since when the root file is as it is: it changes with upstream's and with the settings, and clients
  // revalidate it by date.
  await sql`
    create table root_rendering (
      fingerprint text        primary key,
      since       timestamptz not null unique
    )`.execute(db)
}
