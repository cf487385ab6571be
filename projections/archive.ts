import { sql } from 'kysely'
import { referenceToken, versionToken } from '../src/composer/mirror-tokens.ts'
import type { Database, Db } from '../src/database/schema.ts'
import type { Projection } from '../src/projector/projection.ts'
import type { ReferenceTokens } from './package-reference.ts'

export type StoredArchive = Readonly<Database['archive']>

/** Which blob holds the archive of each (package, reference): the last one stored. */
export const archive: Projection = {
  name: 'archive',
  version: 1,

  async createTables(tx) {
    await sql`
      create table archive (
        package_name text        not null,
        archive_key  text        not null,
        dist_type    text        not null,
        sha256       text        not null,
        size_bytes   bigint      not null,
        stored_at    timestamptz not null,
        primary key (package_name, archive_key, dist_type)
      )`.execute(tx)
  },

  async apply(tx, event) {
    if (event.type !== 'ArchiveStored') return
    const { data } = event
    const row = {
      package_name: data.packageName,
      archive_key: archiveKey({
        versionToken: versionToken(data.versionNormalized),
        referenceToken: referenceToken(data.reference),
      }),
      dist_type: data.distType,
      sha256: data.sha256,
      size_bytes: BigInt(data.sizeBytes),
      stored_at: event.recordedAt,
    }
    await tx
      .insertInto('archive')
      .values(row)
      .onConflict((conflict) =>
        conflict.columns(['package_name', 'archive_key', 'dist_type']).doUpdateSet(row),
      )
      .execute()
  },
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
