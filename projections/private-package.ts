import { type RawBuilder, sql, type SqlBool } from 'kysely'
import {
  documentName,
  type DocumentName,
  type PackageName,
  vendorOf,
} from '../src/composer/names.ts'
import { isOnePackage, vendorOfPattern } from '../src/composer/vendor-patterns.ts'
import { isBranch } from '../src/composer/versions.ts'
import type { Database, Db, Tx } from '../src/database/schema.ts'
import type { Position, RecordedEvent, Sha256 } from '../src/events/types.ts'
import type { Projection } from '../src/projector/projection.ts'
import type { Instant } from '../src/time-machine/instant.ts'

export type PrivateVersion = Readonly<Database['private_version']>
export type PrivateDocument = Readonly<Database['private_document']>

/** Packages of our own: what they reserve, every state of every version, and every state of their documents. */
export const privatePackage: Projection = {
  name: 'private_package',
  version: 2,

  async createTables(tx) {
    await sql`create table private_reserved (pattern text primary key)`.execute(tx)
    await sql`
      create table private_version (
        package_name       text        not null,
        version_normalized text        not null,
        sha256             text        not null,
        version            text        not null,
        sha1               text        not null,
        size_bytes         bigint      not null,
        position           bigint      not null,
        published_at       timestamptz not null,
        published_by       text        not null,
        served             boolean     not null,
        primary key (package_name, version_normalized, sha256)
      )`.execute(tx)
    await sql`create index private_version_blob on private_version (sha256)`.execute(tx)
    await sql`
      create table private_document (
        document    text        not null,
        position    bigint      not null,
        recorded_at timestamptz not null,
        sha256      text        not null,
        primary key (document, position)
      )`.execute(tx)
  },

  async apply(tx, event) {
    if (event.type === 'PrivateVersionPublished') await publish(tx, event)
    else if (event.type === 'PrivateVersionWithdrawn') await withdraw(tx, event)
    else if (event.type === 'VendorOpened') await openVendor(tx, event.data.vendor)
  },
}

type Published = Extract<RecordedEvent, { readonly type: 'PrivateVersionPublished' }>
type Withdrawn = Extract<RecordedEvent, { readonly type: 'PrivateVersionWithdrawn' }>

async function publish(tx: Tx, event: Published): Promise<void> {
  const { data, position } = event
  await reserveVendor(tx, data.packageName)
  // Of a branch, the state before is served no more.
  await stopServing(tx, event)
  const changing = {
    version: data.version,
    position,
    published_at: data.publishedAt,
    published_by: data.actor,
    served: true,
  }
  await tx
    .insertInto('private_version')
    .values({
      package_name: data.packageName,
      version_normalized: data.versionNormalized,
      sha256: data.sha256,
      sha1: data.sha1,
      size_bytes: BigInt(data.sizeBytes),
      ...changing,
    })
    .onConflict((conflict) =>
      conflict.columns(['package_name', 'version_normalized', 'sha256']).doUpdateSet(changing),
    )
    .execute()
  await addDocument(tx, event)
}

/** A package that an opened vendor has had before changes nothing. */
async function reserveVendor(tx: Tx, packageName: PackageName): Promise<void> {
  if (await isReservedByPublications(tx, packageName)) return
  const pattern = vendorOf(packageName)
  await tx.deleteFrom('private_reserved').where(isOfVendor(pattern)).execute()
  await tx.insertInto('private_reserved').values({ pattern }).execute()
}

async function openVendor(tx: Tx, vendor: string): Promise<void> {
  await tx.deleteFrom('private_reserved').where('pattern', '=', vendor).execute()
  await tx
    .insertInto('private_reserved')
    .columns(['pattern'])
    .expression((given) =>
      given
        .selectFrom('private_version')
        .select('package_name as pattern')
        .where(sql<boolean>`starts_with(package_name, ${`${vendor}/`})`)
        .distinct(),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** Of packages: a vendor in front of the slash. */
function isOfVendor(vendor: string): RawBuilder<SqlBool> {
  return sql<SqlBool>`starts_with(pattern, ${`${vendor}/`})`
}

async function withdraw(tx: Tx, event: Withdrawn): Promise<void> {
  await stopServing(tx, event)
  await addDocument(tx, event)
}

async function stopServing(tx: Tx, { data }: Published | Withdrawn): Promise<void> {
  await tx
    .updateTable('private_version')
    .set({ served: false })
    .where('package_name', '=', data.packageName)
    .where('version_normalized', '=', data.versionNormalized)
    .execute()
}

async function addDocument(
  tx: Tx,
  { data, position, recordedAt }: Published | Withdrawn,
): Promise<void> {
  const kind = isBranch(data.versionNormalized) ? 'branches' : 'tags'
  await tx
    .insertInto('private_document')
    .values({
      document: documentName(data.packageName, kind),
      position,
      recorded_at: recordedAt,
      sha256: data.documentSha256,
    })
    .execute()
}

/**
 * Whether a package, or any package of a vendor, is reserved by what was published. Index: primary key; of a vendor
 * that isn't, reads all of private_reserved.
 */
export async function isReservedByPublications(db: Db, name: string): Promise<boolean> {
  const row = await db
    .selectFrom('private_reserved')
    .select('pattern')
    .where((where) => {
      const isIt = where('pattern', 'in', [vendorOfPattern(name), name])
      return isOnePackage(name) ? isIt : where.or([isIt, isOfVendor(name)])
    })
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** Vendors that have, or had, packages; of those that were opened, the names of those packages. */
export async function readReservedByPublications(db: Db): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('private_reserved')
    .select('pattern')
    .orderBy('pattern')
    .execute()
  return rows.map(({ pattern }) => pattern)
}

/**
 * The state of a document as of a position, undefined when it had none then. Index: primary key, one row.
 */
export async function readPrivateDocument(
  db: Db,
  document: DocumentName,
  position?: Position,
): Promise<PrivateDocument | undefined> {
  let query = db.selectFrom('private_document').selectAll().where('document', '=', document)
  if (position !== undefined) query = query.where('position', '<=', position)
  return await query.orderBy('position', 'desc').limit(1).executeTakeFirst()
}

/** All states of all versions of a package, the newest first. Index: primary key. */
export async function readPrivateVersions(
  db: Db,
  packageName: PackageName,
): Promise<readonly PrivateVersion[]> {
  return await db
    .selectFrom('private_version')
    .selectAll()
    .where('package_name', '=', packageName)
    .orderBy('position', 'desc')
    .execute()
}

/** The versions, normalized, that ever had this archive. Index: private_version_blob. */
export async function readVersionsOfBlob(
  db: Db,
  packageName: PackageName,
  sha256: Sha256,
): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('private_version')
    .select('version_normalized')
    .where('package_name', '=', packageName)
    .where('sha256', '=', sha256)
    .execute()
  return rows.map(({ version_normalized }) => version_normalized)
}

/** Whether a version of it was ever published. Index: primary key. */
export async function isPublished(db: Db, packageName: PackageName): Promise<boolean> {
  const row = await db
    .selectFrom('private_version')
    .select('package_name')
    .where('package_name', '=', packageName)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** Whether one of our own versions has this archive. Index: private_version_blob. */
export async function isPrivateBlob(db: Db, sha256: Sha256): Promise<boolean> {
  const row = await db
    .selectFrom('private_version')
    .select('sha256')
    .where('sha256', '=', sha256)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

const unnamedPerRead = 500

/**
 * What is precious, was put before then, and is the archive of no version: left by a publication that
 * came to nothing. Reads all of precious_blob; index: private_version_blob.
 */
export async function readUnnamedBlobs(db: Db, storedBefore: Instant): Promise<readonly Sha256[]> {
  const rows = await db
    .selectFrom('precious_blob')
    .leftJoin('private_version', 'private_version.sha256', 'precious_blob.sha256')
    .select('precious_blob.sha256')
    .where('private_version.sha256', 'is', null)
    .where('precious_blob.named_at', '<', storedBefore)
    .limit(unnamedPerRead)
    .execute()
  return rows.map(({ sha256 }) => sha256)
}

/** Versions whose archive isn't there: damaged, or lost with a restore. Reads all of private_version. */
export async function readLostVersions(
  db: Db,
  limit: number,
): Promise<readonly Pick<PrivateVersion, 'package_name' | 'version' | 'sha256'>[]> {
  return await db
    .selectFrom('private_version')
    .leftJoin('blob', 'blob.sha256', 'private_version.sha256')
    .select(['package_name', 'version', 'private_version.sha256'])
    .where('blob.sha256', 'is', null)
    .orderBy('position')
    .limit(limit)
    .execute()
}

/** What a list of our own packages says of one. */
export interface PrivatePackageSummary {
  readonly package_name: PackageName
  /** Those that are served. */
  readonly versions: bigint
  readonly published_at: Instant
}

/** All of them, by name, with when something was last published. Reads all of private_version. */
export async function readPrivatePackages(db: Db): Promise<readonly PrivatePackageSummary[]> {
  const { rows } = await sql<PrivatePackageSummary>`
    select package_name, count(*) filter (where served) as versions,
      max(published_at) as published_at
    from private_version group by package_name order by package_name collate "C"`.execute(db)
  return rows
}
