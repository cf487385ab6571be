import { sql } from 'kysely'
import type { Db } from '../src/database/schema.ts'
import { readAllRules, type VersionRule } from './version-rule.ts'

/** All rules, and what tells them from all other ones that ever were. */
export interface RulesInForce {
  readonly digest: string
  readonly rules: readonly VersionRule[]
}

/** Reads all of version_rule, some 20 ms for 50,000 rules; what it returns is another one whenever a rule is. */
export async function readRulesDigest(db: Db): Promise<string> {
  const { rows } = await sql<{ digest: string }>`
    select concat_ws(' ', count(*), max(position), sum(hashtextextended(
      concat_ws(' ', package_name, list, position, "constraint"), 0))) as digest
    from version_rule`.execute(db)
  return rows[0]?.digest ?? ''
}

/** Both of the same moment. */
export async function readRulesInForce(db: Db): Promise<RulesInForce> {
  const reading = db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only')
  return await reading.execute(async (tx) => ({
    digest: await readRulesDigest(tx),
    rules: await readAllRules(tx),
  }))
}
