import { sql } from 'kysely'
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
  /** There was a rule at some time. */
  readonly isRuled: boolean
}

/** Indexes: primary keys; of most packages nothing, which is known after one query. */
export async function readLaidOver(db: Db, packageName: PackageName): Promise<LaidOver> {
  const { rows } = await sql<PackageFreeze & { readonly is_ruled: boolean }>`
    select f.*, r.package_name is not null as is_ruled
    from (select ${packageName}::text as package_name) asked
      left join package_freeze f using (package_name)
      left join ruled_package r using (package_name)
    order by f.position`.execute(db)
  const isRuled = rows[0]?.is_ruled === true
  return {
    freezes: rows.filter(({ position }) => position !== null),
    rules: isRuled ? await readRules(db, packageName) : [],
    isRuled,
  }
}
