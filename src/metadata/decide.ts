import type { DocumentName } from '../composer/names.ts'
import type { DomainEvent, FetchFailure, Sha256 } from '../events/types.ts'
import type { Instant } from '../time-machine/instant.ts'

/** What is known of a document when upstream's answer comes in. */
export interface Known {
  /** The newest bytes upstream served; undefined before the first. */
  readonly sha256: Sha256 | undefined
}

/** What one fetch brought, its body already checked and kept. */
export type Fetched =
  | {
      readonly outcome: 'body'
      readonly sha256: Sha256
      readonly sizeBytes: number
      readonly lastModified: Instant | undefined
    }
  | { readonly outcome: 'not_modified' }
  | { readonly outcome: 'missing'; readonly status: number }
  | { readonly outcome: 'failed'; readonly reason: FetchFailure; readonly status?: number }

export interface Fetch {
  readonly document: DocumentName
  readonly fetchedAt: Instant
  readonly durationMs: number
  readonly fetched: Fetched
}

/** The one event that a fetch is, whatever came of it. Pure. */
export function decide({ sha256: known }: Known, fetch: Fetch): DomainEvent {
  const { document, fetchedAt, durationMs, fetched } = fetch
  switch (fetched.outcome) {
    case 'body': {
      const { sha256, sizeBytes, lastModified } = fetched
      return sha256 === known
        ? { type: 'MetadataConfirmed', data: { document, sha256, lastModified, fetchedAt } }
        : {
            type: 'MetadataChanged',
            data: { document, sha256, sizeBytes, lastModified, fetchedAt, previousSha256: known },
          }
    }
    case 'not_modified':
      // "Not modified" to a question that named no date: upstream contradicts itself.
      return known === undefined
        ? {
            type: 'MetadataFetchFailed',
            data: { document, reason: 'status', status: 304, durationMs, fetchedAt },
          }
        : { type: 'MetadataConfirmed', data: { document, sha256: known, fetchedAt } }
    case 'missing':
      return { type: 'MetadataMissing', data: { document, status: fetched.status, fetchedAt } }
    case 'failed': {
      const { reason, status } = fetched
      return {
        type: 'MetadataFetchFailed',
        data: { document, reason, status, durationMs, fetchedAt },
      }
    }
    default:
      return fetched satisfies never
  }
}
