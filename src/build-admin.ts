import { digestOfToken, readTokenDigest } from './admin-token.ts'
import type { Config } from './config.ts'
import type { Db } from './database/schema.ts'
import { type Authorize, createAuthorize } from './http/auth.ts'
import { purgeRoutes } from './http/admin/purge.ts'
import type { Route } from './http/route.ts'
import type { Purge } from './purge.ts'

interface AuthorizeParts {
  readonly config: Config
  readonly db: Db
}

interface AdminParts extends AuthorizeParts {
  readonly purge: Purge
}

/** ADMIN_TOKEN counts alone when it is set, so that setting it is a way to replace the generated one. */
export function buildAuthorize({ config, db }: AuthorizeParts): Authorize {
  const { adminToken } = config
  if (adminToken === undefined) return createAuthorize(async () => await readTokenDigest(db))
  const digest = digestOfToken(adminToken)
  return createAuthorize(async () => digest)
}

/** The part of the composition root that is about the admin API: one list a file of `http/admin`. */
export function buildAdmin({ purge }: AdminParts): readonly Route[] {
  return [...purgeRoutes(purge)]
}
