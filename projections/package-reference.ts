import { sql } from 'kysely'
import type { DocumentReference } from '../src/composer/document-references.ts'
import { urlOfCommit, versionToken } from '../src/composer/mirror-tokens.ts'
import { packageOfDocument, type PackageName } from '../src/composer/names.ts'
import { isBranch } from '../src/composer/versions.ts'
import type { Database, Db, Tx } from '../src/database/schema.ts'
import type { Projection } from '../src/projector/projection.ts'

export type PackageReference = Readonly<Database['package_reference']>

const rowsPerInsert = 1000

/**
 * Every (version, reference) that a package's metadata ever named, with where its archive was said to
 * be: the only source of upstream archive URLs, also for versions that upstream has dropped since. Of each the
 * newest document counts; which SHA-1 it had before is remembered, with where it was then.
 */
export const packageReference: Projection = {
  name: 'package_reference',
  version: 7,

  async createTables(tx) {
    await sql`
      create table package_reference (
        package_name       text   not null,
        version_token      text   not null,
        reference_token    text   not null,
        version_normalized text   not null,
        reference          text,
        dist_type          text   not null,
        dist_url           text   not null,
        shasum             text,
        shasum_position    bigint not null,
        position           bigint not null,
        primary key (package_name, version_token, reference_token)
      )`.execute(tx)
    await sql`
      create table former_shasum (
        package_name    text not null,
        version_token   text not null,
        reference_token text not null,
        shasum          text not null,
        dist_type       text not null,
        dist_url        text not null,
        primary key (package_name, version_token, reference_token, shasum)
      )`.execute(tx)
    // Versions without an archive, so that all that metadata ever named are known.
    await sql`
      create table bare_version (
        package_name       text not null,
        version_normalized text not null,
        primary key (package_name, version_normalized)
      )`.execute(tx)
  },

  async apply(tx, event, { snapshot, digest }) {
    if (event.type !== 'MetadataChanged') return
    const packageName = packageOfDocument(event.data.document)?.packageName
    if (packageName === undefined) return
    const body = await snapshot(event.data.sha256)
    const named = await digest('references', body, packageName)
    if (named === undefined) return
    const rows = named.references.map((reference) => rowOf(reference, packageName, event.position))
    for (let from = 0; from < rows.length; from += rowsPerInsert) {
      const some = rows.slice(from, from + rowsPerInsert)
      await rememberFormer(tx, packageName, some)
      await upsert(tx, some)
    }
    await addBare(tx, packageName, named.bareVersions)
  },
}

/** As long as those that are reported as installed, which have nothing that can't be stored either. */
const bareVersionLengthMax = 200

async function addBare(
  tx: Tx,
  packageName: PackageName,
  versions: readonly string[],
): Promise<void> {
  const fitting = versions.filter((version) => {
    return version.length <= bareVersionLengthMax && !/[\p{Cc}\p{Cs}]/u.test(version)
  })
  if (fitting.length === 0) return
  await sql`
    insert into bare_version (package_name, version_normalized)
    select ${packageName}, version from unnest(${fitting}::text[]) as named (version)
    on conflict do nothing`.execute(tx)
}

function rowOf(
  named: DocumentReference,
  packageName: PackageName,
  position: bigint,
): PackageReference {
  return {
    package_name: packageName,
    version_token: named.versionToken,
    reference_token: named.referenceToken,
    version_normalized: named.versionNormalized,
    reference: named.reference,
    dist_type: named.type,
    dist_url: named.url,
    shasum: named.shasum,
    shasum_position: position,
    position,
  }
}

async function rememberFormer(
  tx: Tx,
  packageName: PackageName,
  rows: readonly PackageReference[],
): Promise<void> {
  await sql`
    insert into former_shasum
    select r.package_name, r.version_token, r.reference_token, r.shasum, r.dist_type, r.dist_url
    from unnest(
      ${rows.map((row) => row.version_token)}::text[],
      ${rows.map((row) => row.reference_token)}::text[],
      ${rows.map((row) => row.shasum)}::text[]
    ) as named (version_token, reference_token, shasum)
    join package_reference r using (version_token, reference_token)
    where r.package_name = ${packageName} and r.shasum is not null
      and r.shasum is distinct from named.shasum
    on conflict (package_name, version_token, reference_token, shasum)
      do update set dist_type = excluded.dist_type, dist_url = excluded.dist_url`.execute(tx)
}

// A document names mostly what the one before named; those rows aren't written again.
async function upsert(tx: Tx, rows: readonly PackageReference[]): Promise<void> {
  await tx
    .insertInto('package_reference')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['package_name', 'version_token', 'reference_token'])
        .doUpdateSet((row) => ({
          dist_type: row.ref('excluded.dist_type'),
          dist_url: row.ref('excluded.dist_url'),
          shasum: row.ref('excluded.shasum'),
          shasum_position: sql<bigint>`case
            when package_reference.shasum is distinct from excluded.shasum
            then excluded.shasum_position else package_reference.shasum_position end`,
          position: row.ref('excluded.position'),
        }))
        .where(
          sql<boolean>`(package_reference.dist_type, package_reference.dist_url, package_reference.shasum)
            is distinct from (excluded.dist_type, excluded.dist_url, excluded.shasum)`,
        ),
    )
    .execute()
}

export interface ReferenceTokens {
  readonly packageName: PackageName
  readonly versionToken: string
  readonly referenceToken: string
}

/** Index: primary key; at most one row. */
export async function readReference(
  db: Db,
  tokens: ReferenceTokens,
): Promise<PackageReference | undefined> {
  return await db
    .selectFrom('package_reference')
    .selectAll()
    .where('package_name', '=', tokens.packageName)
    .where('version_token', '=', tokens.versionToken)
    .where('reference_token', '=', tokens.referenceToken)
    .executeTakeFirst()
}

/**
 * Where the archive with this SHA-1 is, or was when metadata named it so; undefined when it never did, or names
 * other bytes by the same URL since.
 *
 * Index: primary keys; at most two rows.
 */
export async function readReferenceBySha1(
  db: Db,
  tokens: ReferenceTokens,
  sha1: string,
): Promise<PackageReference | undefined> {
  const newest = await readReference(db, tokens)
  if (newest === undefined || newest.shasum === sha1) return newest
  const former = await db
    .selectFrom('former_shasum')
    .selectAll()
    .where('package_name', '=', tokens.packageName)
    .where('version_token', '=', tokens.versionToken)
    .where('reference_token', '=', tokens.referenceToken)
    .where('shasum', '=', sha1)
    .executeTakeFirst()
  if (former === undefined || former.dist_url === newest.dist_url) return undefined
  return { ...newest, dist_type: former.dist_type, dist_url: former.dist_url, shasum: sha1 }
}

/**
 * The versions, normalized, that an archive is of: the one that is asked for, when metadata ever named it
 * with this reference; else all that ever had this name or this reference.
 *
 * Index: primary key; looks at as many rows as the package has.
 */
export async function readVersionsOf(
  db: Db,
  { packageName, versionToken: version, referenceToken: reference }: ReferenceTokens,
): Promise<{ readonly isNamed: boolean; readonly versions: readonly string[] }> {
  const rows = await db
    .selectFrom('package_reference')
    .select(['version_token', 'reference_token', 'version_normalized'])
    .where('package_name', '=', packageName)
    .where((row) =>
      row.or([row('version_token', '=', version), row('reference_token', '=', reference)]),
    )
    .execute()
  const named = rows.filter((row) => {
    return row.version_token === version && row.reference_token === reference
  })
  const isNamed = named.length > 0
  return {
    isNamed,
    versions: (isNamed ? named : rows).map(({ version_normalized }) => version_normalized),
  }
}

/**
 * The archive of a commit that no metadata names, as `dev-main#<commit>` asks for it: where that of the
 * commit is that was last seen at the head of the same branch, with the one put in place of the other.
 *
 * Index: primary key; as many rows as the branch had commits, of which one comes back.
 */
export async function readUnnamedCommit(
  db: Db,
  tokens: ReferenceTokens,
): Promise<PackageReference | undefined> {
  const head = await db
    .selectFrom('package_reference')
    .selectAll()
    .where('package_name', '=', tokens.packageName)
    .where('version_token', '=', tokens.versionToken)
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (head === undefined || !isBranch(head.version_normalized)) return undefined
  const reference = tokens.referenceToken
  const dist_url = urlOfCommit({ url: head.dist_url, reference: head.reference }, reference)
  if (dist_url === undefined) return undefined
  return { ...head, reference, reference_token: reference, dist_url, shasum: null }
}

interface NamedVersion {
  readonly packageName: PackageName
  readonly versionNormalized: string
}

/**
 * Those of the versions that metadata or a publication ever named, withdrawn ones included. One query; index:
 * primary keys, as many rows as versions.
 */
export async function readNamedAmong<Version extends NamedVersion>(
  db: Db,
  versions: readonly Version[],
): Promise<readonly Version[]> {
  const { rows } = await sql<{ readonly index: bigint }>`
    select index from unnest(
      ${versions.map(({ packageName }) => packageName)}::text[],
      ${versions.map(({ versionNormalized }) => versionNormalized)}::text[],
      ${versions.map(({ versionNormalized }) => versionToken(versionNormalized))}::text[]
    ) with ordinality as asked (name, version, token, index)
    where exists (select from package_reference r
        where r.package_name = asked.name and r.version_token = asked.token)
      or exists (select from bare_version b
        where b.package_name = asked.name and b.version_normalized = asked.version)
      or exists (select from private_version p
        where p.package_name = asked.name and p.version_normalized = asked.version)
    order by index`.execute(db)
  return rows.flatMap(({ index }) => versions[Number(index) - 1] ?? [])
}

/**
 * All versions of a package that metadata or a publication ever named, normalized. Index: primary keys; looks at as many
 * rows as the package has.
 */
export async function readNamedVersions(
  db: Db,
  packageName: PackageName,
): Promise<readonly string[]> {
  const { rows } = await sql<{ readonly version_normalized: string }>`
    select version_normalized from package_reference where package_name = ${packageName}
    union select version_normalized from bare_version where package_name = ${packageName}
    union select version_normalized from private_version where package_name = ${packageName}
    order by version_normalized`.execute(db)
  return rows.map(({ version_normalized }) => version_normalized)
}
