import type { Logger } from 'pino'
import { readCurrentDocument } from '../projections/document-queries.ts'
import { readInstallsSince } from '../projections/install.ts'
import { readNamedVersions } from '../projections/package-reference.ts'
import { documentName, type DocumentName } from './composer/names.ts'
import type { Config } from './config.ts'
import type { Db } from './database/schema.ts'
import { AppError } from './errors.ts'
import { createDescribeKeptOut, type DescribeKeptOut } from './kept-out.ts'
import type { CurrentDocument } from './metadata/current.ts'
import type { Refresh } from './metadata/refresh.ts'
import type { IsReserved } from './private/reserved.ts'
import type { Instant } from './time-machine/instant.ts'

interface KeptOutParts {
  readonly config: Pick<Config, 'distMode' | 'proxyEnabled'>
  readonly outside: { readonly now: () => Instant; readonly logger: Logger }
  readonly db: Db
  readonly isReserved: IsReserved
  readonly current: CurrentDocument
  readonly refresh: Refresh
}

/** The part of the composition root that says what blocks and freezes keep out. */
export function buildKeptOut(parts: KeptOutParts): DescribeKeptOut {
  const { config, outside, db, isReserved } = parts
  return createDescribeKeptOut({
    namedVersions: async (packageName) => await readNamedVersions(db, packageName),
    installsSince: async (packageName, day) => await readInstallsSince(db, packageName, day),
    async observe(packageName) {
      if (!config.proxyEnabled) return true
      const answered = await Promise.all(
        (['tags', 'branches'] as const).map(
          async (kind) => await isAnswered(documentName(packageName, kind), parts),
        ),
      )
      return answered.every(Boolean)
    },
    isReserved,
    distMode: config.distMode,
    now: outside.now,
    logger: outside.logger,
  })
}

/** Asks upstream for a document, however fresh it is: what is to be kept out may have come a moment ago. */
async function isAnswered(
  document: DocumentName,
  { db, current, refresh, outside }: KeptOutParts,
): Promise<boolean> {
  const askedAt = outside.now()
  const known = await readCurrentDocument(db, document)
  try {
    if (known === undefined || known.sha256 === null) await current(document)
    else await refresh(document)
  } catch (error) {
    if (error instanceof AppError) return error.code === 'package_not_found'
    throw error
  }
  const verifiedAt = (await readCurrentDocument(db, document))?.verified_at ?? null
  return verifiedAt !== null && verifiedAt >= askedAt
}
