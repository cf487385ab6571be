import { type DocumentName, packageOfDocument, rootDocument } from '../composer/names.ts'
import { type Instant, msOfInstant } from '../time-machine/instant.ts'
import type { FetchCause, Sha256 } from '../events/types.ts'
import type { Fetched } from './decide.ts'

/** What is made of what a fetch brought, before it is recorded. */
export type DoubtMissing = (document: DocumentName, fetched: Fetched) => Promise<Fetched>

/** What the read model says of a document; see projections/document-queries.ts for each field. */
export interface SeenState {
  readonly sha256: Sha256 | null
  readonly checked_at: Instant | null
  readonly missing_since: Instant | null
  readonly failed_at: Instant | null
  readonly failed_cause: FetchCause | null
}

export interface DoubtOptions {
  readonly state: (document: DocumentName) => Promise<SeenState | undefined>
  readonly refreshRoot: () => Promise<void>
  readonly upstreamHost: string
  readonly now: () => Instant
}

/** How long what was seen of the root file counts. */
const seenMs = 60_000

/**
 * An upstream that says of a package "no such" may have become something else, such as a repository of another layout or a
 * page that says that it is closed. Its root file tells, and is asked for when a package is said to be gone of which there is a
 * document: while that is refused, "no such" is a failure, and what is known goes on being served.
 */
export function createDoubtMissing(options: DoubtOptions): DoubtMissing {
  const { state, refreshRoot, upstreamHost: host, now } = options
  async function isOther(document: DocumentName): Promise<boolean> {
    const root = await state(rootDocument)
    const isKnown = ((await state(document))?.sha256 ?? null) !== null
    if (isSeenSince(root, msOfInstant(now()) - seenMs) || (!isKnown && !isBad(root))) {
      return isBad(root)
    }
    await refreshRoot()
    return isBad(await state(rootDocument))
  }
  return async (document, fetched) => {
    if (fetched.outcome !== 'missing' || packageOfDocument(document) === undefined) return fetched
    if (!(await isOther(document))) return fetched
    const { status } = fetched
    const reason = status === 200 ? 'invalid_document' : 'status'
    return { outcome: 'failed', reason, status, why: { cause: reason, status, host } }
  }
}

function isSeenSince(root: SeenState | undefined, sinceMs: number): boolean {
  const seen = [root?.checked_at, root?.failed_at]
  return seen.some((at) => at !== null && at !== undefined && msOfInstant(at) > sinceMs)
}

/** Not a root file, or no longer there; one that couldn't be asked for says nothing. */
function isBad(root: SeenState | undefined): boolean {
  if (root === undefined) return false
  const isGone = root.missing_since !== null && root.sha256 !== null
  return isGone || root.failed_cause === 'invalid_document'
}
