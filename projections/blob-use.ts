import { sql } from 'kysely'
import {
  documentName,
  type DocumentName,
  type PackageName,
  packageOfDocument,
} from '../src/composer/names.ts'
import { isBranch } from '../src/composer/versions.ts'
import type { Tx } from '../src/database/schema.ts'
import type { RecordedEvent, Sha256 } from '../src/events/types.ts'
import type { Projection, ProjectionSources } from '../src/projector/projection.ts'
import { archiveId, archiveKey } from './archive.ts'

/**
 * Every blob in the cache, in the order in which it can be done without, and how large all are.
 *
 * The order is by worth, then by last use. Worth: 0 = no archive is this blob any more (upstream gave
 * another in its place, and nothing names it by its SHA-1); 1 = upstream offers it, so it can be fetched again; 2 = of an archive
 * that the newest document of tags doesn't name (withdrawn, moved, packed anew), of a package that is gone, or that
 * upstream was seen not to have any more: likely the last copy. Branches move on with every commit, and
 * upstream still has those before; 3 = of a package that is frozen, whose archives nothing
 * else could take the place of.
 */
export const blobUse: Projection = {
  name: 'blob_use',
  version: 7,

  async createTables(tx) {
    await sql`
      create table blob_use (
        sha256       text        primary key,
        size_bytes   bigint      not null,
        worth        smallint    not null check (worth between 0 and 3),
        stored_at    timestamptz not null,
        last_used_at timestamptz not null,
        use_count    bigint      not null,
        served_bytes bigint      not null
      )`.execute(tx)
    await sql`
      create unique index blob_use_order on blob_use (worth, last_used_at, sha256)`.execute(tx)
    await sql`
      create table blob_use_total (
        one        boolean primary key default true check (one),
        blobs      bigint  not null check (blobs >= 0),
        size_bytes bigint  not null check (size_bytes >= 0)
      )`.execute(tx)
    await sql`insert into blob_use_total (blobs, size_bytes) values (0, 0)`.execute(tx)
    // What each blob is the archive of, and whether the document that named it still does. Rows of
    // evicted blobs stay: when the blob comes back, its worth is known.
    await sql`
      create table blob_source (
        package_name text    not null,
        archive_key  text    not null,
        dist_type    text    not null,
        document     text    not null,
        sha256       text    not null,
        named        boolean not null,
        missing      boolean not null,
        lost         boolean not null,
        replaced     boolean not null,
        by_sha1      boolean,
        primary key (package_name, archive_key, dist_type, sha256)
      )`.execute(tx)
    await sql`create index blob_source_document on blob_source (document)`.execute(tx)
    await sql`create index blob_source_blob on blob_source (sha256)`.execute(tx)
    await sql`create table blob_frozen (package_name text primary key)`.execute(tx)
  },

  async apply(tx, event, sources) {
    if (event.type === 'ArchiveStored') await store(tx, event)
    else if (event.type === 'ArchivesAccessed') await use(tx, event)
    else if (event.type === 'ArchiveEvicted') await evict(tx, event.data.sha256)
    else if (event.type === 'ArchiveMissing') await setLost(tx, event.data, true)
    else if (event.type === 'ArchiveConfirmed') await setLost(tx, event.data, false)
    else if (event.type === 'PackageFrozen') await setFrozen(tx, event.data.packageName, true)
    else if (event.type === 'PackageUnfrozen') await setFrozen(tx, event.data.packageName, false)
    else await follow(tx, event, sources)
  },
}

type EventOf<Type extends RecordedEvent['type']> = Extract<RecordedEvent, { readonly type: Type }>

async function store(tx: Tx, { data, recordedAt }: EventOf<'ArchiveStored'>): Promise<void> {
  const { packageName, versionNormalized, sha256 } = data
  const size_bytes = BigInt(data.sizeBytes)
  const stored = { sha256, size_bytes, stored_at: recordedAt, last_used_at: recordedAt }
  const isNew = await tx
    .insertInto('blob_use')
    .values({ ...stored, worth: 0, use_count: 0n, served_bytes: 0n })
    .onConflict((conflict) => conflict.column('sha256').doNothing())
    .executeTakeFirstOrThrow()
  if (isNew.numInsertedOrUpdatedRows === 1n) await addToTotal(tx, 1n, size_bytes)
  else await touch(tx, [{ sha256, at: recordedAt, count: 0, bytes: 0 }])

  const source = archiveId(data)
  const document = documentName(packageName, isBranch(versionNormalized) ? 'branches' : 'tags')
  const by_sha1 = data.isNamedBySha1 ?? null
  const others = await replaceOthers(tx, { ...source, by_sha1 }, sha256)
  await tx
    .insertInto('blob_source')
    // Upstream gave it just now: until the document is seen to change, it will again.
    .values({
      ...source,
      document,
      sha256,
      by_sha1,
      named: true,
      missing: false,
      lost: false,
      replaced: false,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['package_name', 'archive_key', 'dist_type', 'sha256'])
        .doUpdateSet({ lost: false, replaced: false, by_sha1 }),
    )
    .execute()
  await weigh(tx, [{ sha256 }, ...others])
}

/**
 * What was the same archive before. Nobody can ask for it any more unless metadata named it by its SHA-1, which a
 * former release didn't record: then it counts as named when its successor is.
 */
async function replaceOthers(
  tx: Tx,
  { by_sha1, ...source }: ReturnType<typeof archiveId> & { readonly by_sha1: boolean | null },
  sha256: Sha256,
): Promise<readonly { readonly sha256: Sha256 }[]> {
  const gone = await tx
    .deleteFrom('blob_source')
    .where((row) => row.and(source))
    .where(sql<boolean>`not coalesce(by_sha1, ${by_sha1}, false)`)
    .where('sha256', '<>', sha256)
    .returning('sha256')
    .execute()
  const replaced = await tx
    .updateTable('blob_source')
    .set({ replaced: true })
    .where((row) => row.and(source))
    .where('sha256', '<>', sha256)
    .returning('sha256')
    .execute()
  return [...gone, ...replaced]
}

async function use(tx: Tx, { data }: EventOf<'ArchivesAccessed'>): Promise<void> {
  await touch(tx, data.accesses)
}

// Nodes append when they get to it, so a use may come after a later one.
async function touch(
  tx: Tx,
  accesses: EventOf<'ArchivesAccessed'>['data']['accesses'],
): Promise<void> {
  await sql`
    update blob_use u set
      last_used_at = greatest(u.last_used_at, a.at),
      use_count = u.use_count + a.count,
      served_bytes = u.served_bytes + a.bytes
    from (
      select sha256, max(at) as at, sum(count) as count, sum(bytes) as bytes
      from unnest(
        ${accesses.map(({ sha256 }) => sha256)}::text[],
        ${accesses.map(({ at }) => at)}::timestamptz[],
        ${accesses.map(({ count }) => count)}::bigint[],
        ${accesses.map(({ bytes }) => bytes)}::bigint[]
      ) as access (sha256, at, count, bytes)
      group by sha256
    ) a
    where u.sha256 = a.sha256`.execute(tx)
}

async function evict(tx: Tx, sha256: Sha256): Promise<void> {
  const evicted = await tx
    .deleteFrom('blob_use')
    .where('sha256', '=', sha256)
    .returning('size_bytes')
    .executeTakeFirst()
  if (evicted !== undefined) await addToTotal(tx, -1n, -evicted.size_bytes)
}

async function addToTotal(tx: Tx, blobs: bigint, sizeBytes: bigint): Promise<void> {
  await sql`
    update blob_use_total
    set blobs = blobs + ${blobs}, size_bytes = size_bytes + ${sizeBytes}`.execute(tx)
}

async function setLost(
  tx: Tx,
  data: EventOf<'ArchiveMissing' | 'ArchiveConfirmed'>['data'],
  lost: boolean,
): Promise<void> {
  const rows = await tx
    .updateTable('blob_source')
    .set({ lost })
    .where((source) => source.and(archiveId(data)))
    .where('lost', '<>', lost)
    .returning('sha256')
    .execute()
  await weigh(tx, rows)
}

async function setFrozen(tx: Tx, packageName: PackageName, frozen: boolean): Promise<void> {
  const change = frozen
    ? sql`insert into blob_frozen values (${packageName}) on conflict do nothing`
    : sql`delete from blob_frozen where package_name = ${packageName}`
  await change.execute(tx)
  const rows = await tx
    .selectFrom('blob_source')
    .select('sha256')
    .where('package_name', '=', packageName)
    .execute()
  await weigh(tx, rows)
}

/** Follows what documents name, for those packages of which there are archives. */
async function follow(tx: Tx, event: RecordedEvent, sources: ProjectionSources): Promise<void> {
  if (event.type === 'MetadataMissing') {
    await mark(tx, event.data.document, sql`missing = true`)
  } else if (event.type === 'MetadataConfirmed') {
    await mark(tx, event.data.document, sql`missing = false`)
  } else if (event.type === 'MetadataChanged') {
    const { document, sha256 } = event.data
    if (!(await hasArchives(tx, document))) return
    const keys = await keysOf(sha256, document, sources)
    await mark(tx, document, sql`missing = false, named = archive_key = any (${keys})`)
  }
}

async function hasArchives(tx: Tx, document: DocumentName): Promise<boolean> {
  const row = await tx
    .selectFrom('blob_source')
    .select('sha256')
    .where('document', '=', document)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

async function keysOf(
  sha256: Sha256,
  document: DocumentName,
  { snapshot, digest }: ProjectionSources,
): Promise<readonly string[]> {
  const packageName = packageOfDocument(document)?.packageName
  if (packageName === undefined) return []
  const archives = (await digest('archives', await snapshot(sha256), packageName)) ?? []
  return archives.map(archiveKey)
}

async function mark(tx: Tx, document: DocumentName, change: ReturnType<typeof sql>): Promise<void> {
  const { rows } = await sql<{ sha256: Sha256 }>`
    update blob_source set ${change} where document = ${document} returning sha256`.execute(tx)
  await weigh(tx, rows)
}

async function weigh(tx: Tx, blobs: readonly { readonly sha256: Sha256 }[]): Promise<void> {
  if (blobs.length === 0) return
  const names = blobs.map(({ sha256 }) => sha256)
  await sql`
    update blob_use u set worth = w.worth
    from (
      select sha256,
        max(case
          when named is null then 0
          when f.package_name is not null then 3
          when document like '%~dev' and not missing and not lost then 1
          when named and not replaced and not missing and not lost then 1
          else 2
        end) as worth
      from unnest(${names}::text[]) as changed (sha256)
        left join blob_source using (sha256)
        left join blob_frozen f using (package_name)
      group by sha256
    ) w
    where u.sha256 = w.sha256 and u.worth <> w.worth`.execute(tx)
}
