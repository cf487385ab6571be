import { sql } from 'kysely'
import type { DocumentDigest } from '../src/composer/document-digest.ts'
import { packageOfDocument, type PackageName } from '../src/composer/names.ts'
import type { Db } from '../src/database/schema.ts'
import type { Sha256 } from '../src/events/types.ts'
import type { Projection } from '../src/projector/projection.ts'

/**
 * Of the bytes of each document of a package, what decides whether they are served as they are. The same
 * bytes may be recorded for two packages, and say something else of each.
 */
export const documentDigest: Projection = {
  name: 'document_digest',
  version: 3,

  async createTables(tx) {
    await sql`
      create table document_digest (
        package_name  text    not null,
        sha256        text    not null,
        whole         boolean not null,
        stands_in_for text[]  not null,
        filter        text    not null,
        primary key (package_name, sha256)
      )`.execute(tx)
  },

  async apply(tx, event, { snapshot, digest: digested }) {
    if (event.type !== 'MetadataChanged') return
    const { document, sha256 } = event.data
    const packageName = packageOfDocument(document)?.packageName
    if (packageName === undefined) return
    const digest = await digested('servability', await snapshot(sha256), packageName)
    if (digest === undefined) return
    await sql`
      insert into document_digest (package_name, sha256, whole, stands_in_for, filter)
      values (${packageName}, ${sha256}, ${digest.isWhole}, ${digest.standsInFor}::text[],
        ${digest.filter})
      on conflict do nothing`.execute(tx)
  },
}

/** Index: primary key; at most one row. undefined: these bytes aren't digested yet for this package. */
export async function readDigest(
  db: Db,
  packageName: PackageName,
  sha256: Sha256,
): Promise<DocumentDigest | undefined> {
  const row = await db
    .selectFrom('document_digest')
    .select(['whole', 'stands_in_for', 'filter'])
    .where('package_name', '=', packageName)
    .where('sha256', '=', sha256)
    .executeTakeFirst()
  return row && { isWhole: row.whole, standsInFor: row.stands_in_for, filter: row.filter }
}
