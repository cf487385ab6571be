import { createHash, randomBytes } from 'node:crypto'
import type { Db } from './database/schema.ts'

export interface GeneratedToken {
  readonly token: string
  /**
   * From now on this token counts and no other is made. To be called once it was shown. false: another
   * node has made one meanwhile, and this one doesn't count.
   */
  readonly keep: () => Promise<boolean>
}

/**
 * An admin token for a database that has none; undefined when it has. Only a digest is kept. Showing
 * comes before keeping: a crash in between makes the next start show a new one, and none is lost unseen.
 */
export async function generateAdminToken(db: Db): Promise<GeneratedToken | undefined> {
  if ((await readTokenDigest(db)) !== undefined) return undefined
  const token = `almanac_admin_${randomBytes(32).toString('base64url')}`
  return {
    token,
    async keep() {
      const sha256 = digestOfToken(token)
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('admin_token')
        .values({ sha256 })
        .onConflict((conflict) => conflict.column('one').doNothing())
        .executeTakeFirstOrThrow()
      return numInsertedOrUpdatedRows === 1n
    },
  }
}

/** What is kept of the generated token; undefined: there is none, or it has yet to be shown. */
export async function readTokenDigest(db: Db): Promise<string | undefined> {
  const kept = await db.selectFrom('admin_token').select('sha256').executeTakeFirst()
  return kept?.sha256
}

export function digestOfToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
