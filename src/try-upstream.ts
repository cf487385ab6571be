import { setTimeout as delay } from 'node:timers/promises'
import { readCurrentDocument } from '../projections/document-queries.ts'
import { rootDocument } from './composer/names.ts'
import { isOfOtherLayout } from './composer/root-file.ts'
import type { Config } from './config.ts'
import type { Db } from './database/schema.ts'
import { StartupError } from './errors.ts'
import type { Refresh, Refreshed } from './metadata/refresh.ts'

interface TriedParts {
  readonly config: Pick<Config, 'packagistUrl' | 'proxyEnabled'>
  readonly db: Db
  readonly refresh: Refresh
}

/** A start waits for it; who is slower, or away, is told of by an alert. */
const waitMs = 1_500

/**
 * Asks upstream for its root file where none is known: what PROXY_PACKAGIST_URL names is likely new then, and wrong when it
 * can't be read. Once one is known, and while upstream gives no answer, there is reason enough to serve.
 *
 * @throws StartupError when what upstream has is no root file, or of another layout.
 */
export async function tryUpstream({ config, db, refresh }: TriedParts): Promise<void> {
  const { packagistUrl, proxyEnabled } = config
  const known = await readCurrentDocument(db, rootDocument)
  if (!proxyEnabled || (known?.sha256 ?? null) !== null) return
  const refreshed = await Promise.race([
    refresh(rootDocument),
    delay(waitMs, undefined, { ref: false }),
  ])
  if (refreshed === undefined) return
  const { refused_problem: problem, failed_cause: cause } =
    (await readCurrentDocument(db, rootDocument)) ?? {}
  const isRefused = (causeOf(refreshed) ?? cause) === 'invalid_document'
  if (!isRefused || !isReason(problem)) return
  throw new StartupError(
    `PROXY_PACKAGIST_URL is ${packagistUrl}, and its ${rootDocument} can't be read: ${problem}.`,
  )
}

/** A repository that is still empty may become one that can be read; until then an alert says so. */
function isReason(problem: string | null | undefined): problem is string {
  return typeof problem === 'string' && isOfOtherLayout(problem)
}

/** Of an answer that isn't recorded again. */
function causeOf(refreshed: Refreshed): string | undefined {
  if (refreshed.outcome === 'recorded') return undefined
  return refreshed.outcome === 'paused' ? 'paused' : (refreshed.why?.cause ?? refreshed.answer)
}
