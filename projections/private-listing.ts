import { sql } from 'kysely'
import { z } from 'zod'
import { parseDocument } from '../src/composer/document.ts'
import type { JsonObject } from '../src/composer/minify.ts'
import type { PackageName } from '../src/composer/names.ts'
import { isBranch } from '../src/composer/versions.ts'
import type { Db } from '../src/database/schema.ts'
import type { Position } from '../src/events/types.ts'
import type { Projection } from '../src/projector/projection.ts'

/** What lists and searches say of a package of our own, as its newest version has it. */
export interface ListedPackage {
  readonly packageName: PackageName
  readonly type: string
  readonly description: string
  readonly homepage: string
  readonly keywords: readonly string[]
  /** Names that it stands for. */
  readonly provided: readonly string[]
  /** Or the name of the package to use in its place. */
  readonly abandoned: boolean | string
}

/** What lists and searches say of packages of our own, after each change of one of their documents. */
export const privateListing: Projection = {
  name: 'private_listing',
  version: 1,

  async createTables(tx) {
    await sql`
      create table private_listing (
        package_name text   not null,
        branches     boolean not null,
        position     bigint not null,
        facts        text,
        primary key (package_name, branches, position)
      )`.execute(tx)
  },

  async apply(tx, event, { snapshot }) {
    if (event.type !== 'PrivateVersionPublished' && event.type !== 'PrivateVersionWithdrawn') return
    const { packageName, versionNormalized, documentSha256 } = event.data
    const facts = factsIn(await snapshot(documentSha256), packageName)
    await tx
      .insertInto('private_listing')
      .values({
        package_name: packageName,
        branches: isBranch(versionNormalized),
        position: event.position,
        facts: facts === undefined ? null : JSON.stringify(facts),
      })
      .execute()
  },
}

const names = z.record(z.string(), z.unknown()).catch({})
const Facts = z.object({
  type: z.string().catch('library'),
  description: z.string().catch(''),
  homepage: z.string().catch(''),
  keywords: z.array(z.string()).catch([]),
  provided: z.array(z.string()).catch([]),
  abandoned: z.union([z.boolean(), z.string()]).catch(false),
})

/** Of the newest version; undefined when there is none. */
function factsIn(body: Buffer, packageName: PackageName): z.infer<typeof Facts> | undefined {
  const parsed = parseDocument(body, packageName)
  const newest: JsonObject | undefined = parsed.ok ? parsed.document.versions[0] : undefined
  if (newest === undefined) return undefined
  const provided = [newest['provide'], newest['replace']].flatMap((links) => {
    return Object.keys(names.parse(links ?? {}))
  })
  return Facts.parse({ ...newest, provided })
}

/**
 * All packages of our own that have a version, by name; as of a position, when one is given. Reads all rows:
 * one for each time that something was published.
 */
export async function readListing(
  db: Db,
  position: Position | undefined,
): Promise<readonly ListedPackage[]> {
  const { rows } = await sql<{ readonly package_name: PackageName; readonly facts: string }>`
    select distinct on (package_name) package_name, facts
    from (
      select distinct on (package_name, branches) package_name, branches, facts
      from private_listing
      where ${position ?? null}::bigint is null or position <= ${position ?? null}
      order by package_name, branches, position desc
    ) newest
    where facts is not null
    order by package_name, branches`.execute(db)
  return rows.map(({ package_name: packageName, facts }) => ({
    packageName,
    ...Facts.parse(JSON.parse(facts)),
  }))
}
