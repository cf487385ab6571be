import { sql } from 'kysely'
import type { FilterLists } from '../src/composer/document-filter.ts'
import type { PackageName } from '../src/composer/names.ts'
import type { Db } from '../src/database/schema.ts'
import type { PackageFreeze } from './freeze.ts'
import { readRules, type VersionRule } from './version-rule.ts'

/** What is laid over what upstream says of a package. */
export interface LaidOver {
  /** From the first, those that are over included. */
  readonly freezes: readonly PackageFreeze[]
  /** Those in force. */
  readonly rules: readonly VersionRule[]
  /** The lists that the newest document has beside malware. */
  readonly otherLists: FilterLists
  /** There was a rule at some time. */
  readonly isRuled: boolean
  /** Some answer was dated by its bytes. */
  readonly isDated: boolean
}

type Row = PackageFreeze & {
  readonly is_ruled: boolean
  readonly is_dated: boolean
  readonly lists: string | null
}

/** Indexes: primary keys; of most packages nothing, which is known after one query. */
export async function readLaidOver(db: Db, packageName: PackageName): Promise<LaidOver> {
  const { rows } = await sql<Row>`
    select f.*, r.package_name is not null as is_ruled, o.lists,
      exists (select from overlaid_date d
        where d.document in (asked.package_name, asked.package_name || '~dev')) as is_dated
    from (select ${packageName}::text as package_name) asked
      left join package_freeze f using (package_name)
      left join ruled_package r using (package_name)
      left join other_filter_list o using (package_name)
    order by f.position`.execute(db)
  const isRuled = rows[0]?.is_ruled === true
  const lists = rows[0]?.lists ?? null
  return {
    freezes: rows.filter(({ position }) => position !== null),
    rules: isRuled ? await readRules(db, packageName) : [],
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as the projection wrote it
    otherLists: lists === null ? {} : (JSON.parse(lists) as FilterLists),
    isRuled,
    isDated: rows[0]?.is_dated === true,
  }
}
