import { type DocumentName, packageOfDocument } from '../composer/names.ts'
import type { DomainEvent, FetchFailure, Sha256 } from '../events/types.ts'
import type { Instant } from '../time-machine/instant.ts'
import { isFiner, type Why } from '../upstream/causes.ts'

/** The versions of a document, each with the commit that it names, if it names one. */
export type NamedVersions = ReadonlyMap<string, string | undefined>

/** What is known of a document when upstream's answer comes in. */
export interface Known {
  /** The newest bytes served; undefined before the first. */
  readonly sha256: Sha256 | undefined
  readonly versions: NamedVersions
}

/** What one fetch brought, its body already checked and kept. */
export type Fetched =
  | {
      readonly outcome: 'body'
      readonly sha256: Sha256
      readonly sizeBytes: number
      readonly lastModified: Instant | undefined
      readonly versions: NamedVersions
      readonly upstreamSha256?: Sha256
      readonly rejectedVersions?: { version: string; problem: string }[]
      readonly unreadableLists?: string[]
    }
  | { readonly outcome: 'not_modified' }
  | { readonly outcome: 'missing'; readonly status: number }
  | FailedFetch

interface FailedFetch {
  readonly outcome: 'failed'
  readonly reason: FetchFailure
  readonly status?: number
  readonly why: Why
  /** There when a body was refused before all of it came. */
  readonly problem?: string
  /** There when a body came that was refused. */
  readonly refusal?: Refusal
}

/** What was found out about a body that can't be given to Composer. */
export interface Refusal {
  readonly sha256: Sha256
  readonly problem: string
  /** Of the rules by which it was inspected. */
  readonly inspection: number
}

/** What a body that is refused comes to. */
export function refusedFetch(refusal: Refusal, host: string): FailedFetch {
  const reason = 'invalid_document'
  const why = { cause: reason, host } as const
  return { outcome: 'failed', reason, status: 200, why, refusal }
}

export interface Fetch {
  readonly document: DocumentName
  readonly fetchedAt: Instant
  readonly durationMs: number
  readonly fetched: Fetched
}

/**
 * The facts in a fetch: first what it is itself, whatever came of it; then what a change means, read
 * from parsed versions, since a third of real changes are in the order of keys only. Pure.
 */
export function decide(known: Known, fetch: Fetch): readonly [DomainEvent, ...DomainEvent[]] {
  const { document, fetchedAt, fetched } = fetch
  switch (fetched.outcome) {
    case 'body': {
      const { versions, outcome: _, ...body } = fetched
      if (body.sha256 === known.sha256) {
        const { sizeBytes: _size, ...same } = body
        return [{ type: 'MetadataConfirmed', data: { document, ...same, fetchedAt } }]
      }
      const previousSha256 = known.sha256
      return [
        { type: 'MetadataChanged', data: { document, ...body, fetchedAt, previousSha256 } },
        ...factsBetween(known.versions, versions, { document, fetchedAt }),
      ]
    }
    case 'not_modified':
      // "Not modified" to a question that named no date: upstream contradicts itself.
      return known.sha256 === undefined
        ? [failed(fetch, { reason: 'status', status: 304 })]
        : [{ type: 'MetadataConfirmed', data: { document, sha256: known.sha256, fetchedAt } }]
    case 'missing':
      return [{ type: 'MetadataMissing', data: { document, status: fetched.status, fetchedAt } }]
    case 'failed':
      return [failed(fetch, fetched)]
    default:
      return fetched satisfies never
  }
}

function failed(
  { document, durationMs, fetchedAt }: Fetch,
  {
    reason,
    why,
    status,
    problem: limit,
    refusal,
  }: Omit<FailedFetch, 'outcome' | 'why'> & {
    readonly why?: Why
  },
): DomainEvent {
  const cause = why !== undefined && isFiner(why.cause) ? { cause: why.cause } : {}
  const about = { document, reason, ...cause, status, durationMs, fetchedAt }
  const data = limit === undefined ? about : { ...about, problem: limit }
  if (refusal === undefined) return { type: 'MetadataFetchFailed', data }
  const { sha256: refusedSha256, problem, inspection } = refusal
  const refused = { ...data, refusedSha256, problem, inspection }
  return { type: 'MetadataFetchFailed', data: refused }
}

/** Tags that name another commit, and versions that are gone. Branches move with every commit. */
function factsBetween(
  before: NamedVersions,
  after: NamedVersions,
  about: { readonly document: DocumentName; readonly fetchedAt: Instant },
): DomainEvent[] {
  const tagged = packageOfDocument(about.document)?.kind === 'tags'
  return [...before].flatMap(([version, reference]): DomainEvent[] => {
    if (!after.has(version)) {
      return [{ type: 'VersionWithdrawn', data: { ...about, version, reference } }]
    }
    const now = after.get(version)
    const moved = tagged && reference !== undefined && now !== undefined && now !== reference
    if (!moved) return []
    return [{ type: 'ReferenceMoved', data: { ...about, version, from: reference, to: now } }]
  })
}
