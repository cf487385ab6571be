import { sql } from 'kysely'
import { referenceToken, versionToken } from '../src/composer/mirror-tokens.ts'
import type { Database, Db, Tx } from '../src/database/schema.ts'
import type { RecordedEvent, Sha256 } from '../src/events/types.ts'
import { possibleDate } from '../src/time-machine/possible-date.ts'
import type { Projection } from '../src/projector/projection.ts'
import type { ReferenceTokens } from './package-reference.ts'

export type StoredArchive = Readonly<Database['archive']>

/** What was stored as the archive of each (package, reference) last, and what upstream said of it since. */
export const archive: Projection = {
  name: 'archive',
  version: 5,

  async createTables(tx) {
    await sql`
      create table archive (
        package_name    text        not null,
        archive_key     text        not null,
        dist_type       text        not null,
        sha256          text        not null,
        tree_sha256     text,
        etag            text,
        last_modified   timestamptz,
        checked_at      timestamptz not null,
        differed_sha256 text,
        missing         boolean     not null,
        purged          boolean     not null,
        primary key (package_name, archive_key, dist_type)
      )`.execute(tx)
    await sql`create index archive_blob on archive (sha256)`.execute(tx)
  },

  async apply(tx, event) {
    const checked = { checked_at: event.recordedAt }
    if (event.type === 'ArchiveStored') await store(tx, event)
    else if (event.type === 'ArchiveConfirmed') {
      const confirmed = { ...validatorsOf(event), differed_sha256: null, missing: false }
      await change(tx, event, { ...checked, ...confirmed })
    } else if (event.type === 'ArchiveDiffered') {
      await change(tx, event, { ...checked, differed_sha256: event.data.upstreamSha256 })
    } else if (event.type === 'ArchiveMissing') {
      await change(tx, event, { ...checked, missing: true })
    } else if (event.type === 'ArchiveEvicted') {
      if (event.data.reason === 'purge') await purge(tx, event.data.sha256)
    } else if (event.type === 'CachePurged') {
      await purgeScope(tx, event.data)
    }
  },
}

type EventOf<Type extends RecordedEvent['type']> = Extract<RecordedEvent, { readonly type: Type }>

async function store(tx: Tx, event: EventOf<'ArchiveStored'>): Promise<void> {
  const { data, recordedAt } = event
  const row = {
    sha256: data.sha256,
    tree_sha256: data.treeSha256 ?? null,
    ...validatorsOf(event),
    checked_at: recordedAt,
    differed_sha256: null,
    missing: false,
    purged: false,
  }
  await tx
    .insertInto('archive')
    .values({ ...archiveId(data), ...row })
    .onConflict((conflict) =>
      conflict.columns(['package_name', 'archive_key', 'dist_type']).doUpdateSet(row),
    )
    .execute()
}

function validatorsOf({
  data: { etag, lastModified },
  recordedAt,
}: EventOf<'ArchiveStored' | 'ArchiveConfirmed'>): Pick<StoredArchive, 'etag' | 'last_modified'> {
  return { etag: etag ?? null, last_modified: possibleDate(lastModified, recordedAt) ?? null }
}

async function change(
  tx: Tx,
  { data }: EventOf<'ArchiveConfirmed' | 'ArchiveDiffered' | 'ArchiveMissing'>,
  changed: Partial<StoredArchive>,
): Promise<void> {
  await tx
    .updateTable('archive')
    .set(changed)
    .where((row) => row.and(archiveId(data)))
    .execute()
}

// Nodes may have it in memory, and would serve it for as long as it is known here.
async function purge(tx: Tx, sha256: Sha256): Promise<void> {
  await tx.updateTable('archive').set({ purged: true }).where('sha256', '=', sha256).execute()
}

/**
 * What was evicted before may still be in some node's memory, so it counts as purged too. Who purges one
 * package wants what upstream has now, though it should differ from what was stored.
 */
async function purgeScope(
  tx: Tx,
  { packageName, before }: EventOf<'CachePurged'>['data'],
): Promise<void> {
  if (before !== undefined) return
  const archives = tx.updateTable('archive').set({ purged: true })
  if (packageName === undefined) await archives.execute()
  else {
    await archives
      .set({ tree_sha256: null, differed_sha256: null })
      .where('package_name', '=', packageName)
      .execute()
  }
}

/** How read models name an archive that an event is about. */
export function archiveId(
  data: Pick<
    EventOf<'ArchiveStored'>['data'],
    'packageName' | 'versionNormalized' | 'reference' | 'distType'
  >,
): Pick<StoredArchive, 'package_name' | 'archive_key' | 'dist_type'> {
  return {
    package_name: data.packageName,
    archive_key: archiveKey({
      versionToken: versionToken(data.versionNormalized),
      referenceToken: referenceToken(data.reference),
    }),
    dist_type: data.distType,
  }
}

/** A reference names a commit, whichever versions point at it; without one, the version has to do. */
export function archiveKey(
  tokens: Pick<ReferenceTokens, 'versionToken' | 'referenceToken'>,
): string {
  return tokens.referenceToken === '' ? `version ${tokens.versionToken}` : tokens.referenceToken
}

/** Index: primary key; at most one row. */
export async function readArchive(
  db: Db,
  tokens: ReferenceTokens & { readonly distType: string },
): Promise<StoredArchive | undefined> {
  return await db
    .selectFrom('archive')
    .selectAll()
    .where('package_name', '=', tokens.packageName)
    .where('archive_key', '=', archiveKey(tokens))
    .where('dist_type', '=', tokens.distType)
    .executeTakeFirst()
}
