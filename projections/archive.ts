import { sql } from 'kysely'
import { referenceToken, versionToken } from '../src/composer/mirror-tokens.ts'
import type { PackageName } from '../src/composer/names.ts'
import type { Database, Db, Tx } from '../src/database/schema.ts'
import type { RecordedEvent, Sha256 } from '../src/events/types.ts'
import { possibleDate } from '../src/time-machine/possible-date.ts'
import type { Projection } from '../src/projector/projection.ts'
import type { ReferenceTokens } from './package-reference.ts'

export type StoredArchive = Readonly<Database['archive']>

/**
 * What was stored as the archive of each (package, reference), and what upstream said of it since. There is more
 * than one when metadata named other bytes later.
 */
export const archive: Projection = {
  name: 'archive',
  version: 7,

  async createTables(tx) {
    await sql`
      create table archive (
        package_name    text        not null,
        archive_key     text        not null,
        dist_type       text        not null,
        sha256          text        not null,
        sha1            text,
        source_url      text        not null,
        position        bigint      not null,
        tree_sha256     text,
        etag            text,
        last_modified   timestamptz,
        checked_at      timestamptz not null,
        differed_sha256 text,
        differed_tree_sha256 text,
        accepted_tree_sha256 text,
        version_normalized text     not null,
        reference       text,
        missing         boolean     not null,
        purged          boolean     not null,
        primary key (package_name, archive_key, dist_type, sha256)
      )`.execute(tx)
    await sql`create index archive_blob on archive (sha256)`.execute(tx)
  },

  async apply(tx, event) {
    const checked = { checked_at: event.recordedAt }
    if (event.type === 'ArchiveStored') await store(tx, event)
    else if (event.type === 'ArchiveConfirmed') {
      await change(tx, event, { ...notDiffering, missing: false })
      await changeOne(tx, event, { ...checked, ...validatorsOf(event) })
    } else if (event.type === 'ArchiveDiffered') {
      const { upstreamSha256: differed_sha256, upstreamTreeSha256 } = event.data
      const differed = { differed_sha256, differed_tree_sha256: upstreamTreeSha256 }
      await change(tx, event, { ...checked, ...differed })
    } else if (event.type === 'ArchiveAccepted') {
      const accepted_tree_sha256 = event.data.upstreamTreeSha256
      await change(tx, event, { ...notDiffering, accepted_tree_sha256 })
    } else if (event.type === 'ArchiveMissing') {
      await change(tx, event, { ...checked, missing: true })
    } else if (event.type === 'ArchiveEvicted') {
      if (event.data.reason === 'purge') await purge(tx, event.data.sha256)
    } else if (event.type === 'CachePurged') {
      await purgeScope(tx, event.data)
    }
  },
}

const notDiffering = { differed_sha256: null, differed_tree_sha256: null } as const

type EventOf<Type extends RecordedEvent['type']> = Extract<RecordedEvent, { readonly type: Type }>

async function store(tx: Tx, event: EventOf<'ArchiveStored'>): Promise<void> {
  const { data, recordedAt } = event
  const row = {
    sha256: data.sha256,
    sha1: data.sha1 ?? null,
    source_url: data.sourceUrl,
    position: event.position,
    tree_sha256: data.treeSha256 ?? null,
    ...validatorsOf(event),
    checked_at: recordedAt,
    ...notDiffering,
    accepted_tree_sha256: null,
    version_normalized: data.versionNormalized,
    reference: data.reference ?? null,
    missing: false,
    purged: false,
  }
  await tx
    .insertInto('archive')
    .values({ ...archiveId(data), ...row })
    .onConflict((conflict) =>
      conflict.columns(['package_name', 'archive_key', 'dist_type', 'sha256']).doUpdateSet(row),
    )
    .execute()
  await change(tx, event, { ...notDiffering, missing: false })
}

function validatorsOf({
  data: { etag, lastModified },
  recordedAt,
}: EventOf<'ArchiveStored' | 'ArchiveConfirmed'>): Pick<StoredArchive, 'etag' | 'last_modified'> {
  return { etag: etag ?? null, last_modified: possibleDate(lastModified, recordedAt) ?? null }
}

async function change(
  tx: Tx,
  {
    data,
  }: EventOf<
    'ArchiveStored' | 'ArchiveConfirmed' | 'ArchiveDiffered' | 'ArchiveMissing' | 'ArchiveAccepted'
  >,
  changed: Partial<StoredArchive>,
): Promise<void> {
  await tx
    .updateTable('archive')
    .set(changed)
    .where((row) => row.and(archiveId(data)))
    .execute()
}

async function changeOne(
  tx: Tx,
  { data }: EventOf<'ArchiveConfirmed'>,
  changed: Partial<StoredArchive>,
): Promise<void> {
  await tx
    .updateTable('archive')
    .set(changed)
    .where((row) => row.and({ ...archiveId(data), sha256: data.sha256 }))
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
      .set({ tree_sha256: null, accepted_tree_sha256: null, ...notDiffering })
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

export interface ArchiveTokens extends ReferenceTokens {
  readonly distType: string
  /** Of the bytes that are asked for; undefined: what metadata says now. */
  readonly sha1?: string | undefined
}

/** What was stored last, whatever metadata says now. Index: primary key; as many rows as it had other bytes. */
export async function readLastArchive(
  db: Db,
  tokens: ArchiveTokens,
): Promise<StoredArchive | undefined> {
  return await db
    .selectFrom('archive')
    .selectAll()
    .where('package_name', '=', tokens.packageName)
    .where('archive_key', '=', archiveKey(tokens))
    .where('dist_type', '=', tokens.distType)
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/**
 * What is stored and is what metadata says now: it has the SHA-1 that is named, or, where nothing says which files
 * it has, comes from the URL that is named. Where other files were accepted, it has those. What has no SHA-1 of its own was right when it was stored.
 *
 * Index: primary keys; as many rows as it had other bytes.
 */
export async function readArchive(
  db: Db,
  tokens: ArchiveTokens,
): Promise<StoredArchive | undefined> {
  const { packageName, versionToken: version, referenceToken: reference, sha1 = null } = tokens
  const agrees = sql<boolean>`case
    when ${sha1}::text is not null then coalesce(
      archive.sha1, case when archive.position > r.shasum_position then r.shasum end) = ${sha1}
    when r.dist_type is distinct from archive.dist_type then true
    when r.shasum is not null then coalesce(
      archive.sha1 = r.shasum, archive.position > r.shasum_position)
    when r.reference_token = '' then archive.source_url = r.dist_url
    else coalesce(archive.accepted_tree_sha256 = archive.tree_sha256, true) end`
  return await db
    .selectFrom('archive')
    .leftJoin('package_reference as r', (join) =>
      join
        .onRef('r.package_name', '=', 'archive.package_name')
        .on('r.version_token', '=', version)
        .on('r.reference_token', '=', reference),
    )
    .selectAll('archive')
    .where('archive.package_name', '=', packageName)
    .where('archive_key', '=', archiveKey(tokens))
    .where('archive.dist_type', '=', tokens.distType)
    .where(agrees)
    .orderBy('archive.position', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/**
 * In place of which archives upstream offers other files, that nobody accepted: of each type the one that was stored
 * last. Index: primary key; as many rows as the reference had other bytes.
 */
export async function readDiffering(
  db: Db,
  packageName: PackageName,
  reference: string,
): Promise<readonly StoredArchive[]> {
  return await db
    .selectFrom('archive')
    .distinctOn('dist_type')
    .selectAll()
    .where('package_name', '=', packageName)
    .where('archive_key', '=', referenceToken(reference))
    .where('tree_sha256', 'is not', null)
    .where('differed_tree_sha256', 'is not', null)
    .orderBy('dist_type')
    .orderBy('position', 'desc')
    .execute()
}
