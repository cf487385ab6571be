import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
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

/** What `generateAdminToken` makes. */
const generatedForm = /^almanac_admin_[A-Za-z0-9_-]{43}$/

/**
 * Whether a token is the admin's: the one that is set counts alone, so that setting it is a way to replace
 * the generated one. That one is read each time, since another node may have made it meanwhile.
 */
export function createIsAdminToken(
  db: Db,
  setToken: string | undefined,
): (token: string) => Promise<boolean> {
  const digest = setToken === undefined ? undefined : digestOfToken(setToken)
  return async (token) => {
    if (digest !== undefined) return isTokenOf(token, digest)
    return generatedForm.test(token) && isTokenOf(token, await readTokenDigest(db))
  }
}

/** What is kept of the generated token; undefined: there is none, or it has yet to be shown. */
async function readTokenDigest(db: Db): Promise<string | undefined> {
  const kept = await db.selectFrom('admin_token').select('sha256').executeTakeFirst()
  return kept?.sha256
}

export function digestOfToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** Digests are compared, which have one length, and in a time that doesn't tell where they differ. */
export function isTokenOf(token: string, digest: string | undefined): boolean {
  if (digest === undefined) return false
  return timingSafeEqual(Buffer.from(digestOfToken(token)), Buffer.from(digest))
}
