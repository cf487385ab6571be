import { sql } from 'kysely'
import type { Tx } from '../src/database/schema.ts'

/** Those of the projection in document.ts; src/database/read-models.ts says what is in them. */
export async function createDocumentTables(tx: Tx): Promise<void> {
  await sql`
  create table document_current (
    document             text        primary key,
    stream_version       int         not null,
    sha256               text,
    last_modified        timestamptz,
    served_last_modified timestamptz,
    checked_at           timestamptz,
    missing_since        timestamptz,
    missing_checks       int         not null,
    gone                 boolean     not null,
    failed_at            timestamptz,
    failed_cause         text,
    failed_status        int,
    refused_sha256       text,
    refused_problem      text,
    refused_inspection   int,
    unseen_change        text        check (unseen_change in ('update', 'delete', 'resync')),
    unseen_change_at     timestamptz,
    unseen_since         timestamptz,
    purged               boolean     not null,
    state_position       bigint,
    check ((sha256 is null) = (served_last_modified is null)),
    check ((failed_at is null) = (failed_cause is null)),
    check ((refused_sha256 is null) = (refused_inspection is null)),
    check ((unseen_change is null) = (unseen_change_at is null)),
    check ((unseen_change is null) = (unseen_since is null))
  )`.execute(tx)
  await sql`
  create index document_unseen on document_current (unseen_change_at)
    where unseen_change is not null`.execute(tx)
  // Of what upstream ever gave: who has public packages.
  await sql`
  create index document_vendor on document_current (split_part(document, '/', 1))
    where sha256 is not null`.execute(tx)
  await sql`
  create table document_history (
    document             text        not null,
    position             bigint      not null,
    recorded_at          timestamptz not null,
    sha256               text,
    last_modified        timestamptz,
    served_last_modified timestamptz,
    verified_until       timestamptz not null,
    primary key (document, position),
    check ((sha256 is null) = (served_last_modified is null))
  )`.execute(tx)
  await createFeedTables(tx)
}

async function createFeedTables(tx: Tx): Promise<void> {
  await sql`
  create table document_feed (
    stream         text        primary key,
    stream_version int         not null,
    position       bigint      not null,
    feed           text        not null,
    until          bigint      not null,
    read_at        timestamptz not null,
    list           uuid
  )`.execute(tx)
  await sql`
  create table feed_named_package (
    list         uuid not null,
    package_name text not null,
    primary key (list, package_name)
  )`.execute(tx)
}
