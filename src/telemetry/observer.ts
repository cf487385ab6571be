import type { PackageName } from '../composer/names.ts'
import type { FetchFailure, RecordedEvent } from '../events/types.ts'

/** What clients ask for that may be here or upstream. */
export type CacheKind = 'metadata' | 'archives'

/**
 * Where an answer came from. `hit`: from here. `miss`: upstream was asked for it. `stale`: from here,
 * older than it should be. `coalesced`: upstream was being asked for it already, for somebody else.
 * `negative`: it is known here that upstream has no such thing.
 */
export type CacheResult = 'hit' | 'miss' | 'stale' | 'coalesced' | 'negative'

/** Called by who answers, once, when it knows where the answer comes from. */
export type NoteResult = (result: CacheResult) => void

export interface CacheUse {
  readonly kind: CacheKind
  readonly result: CacheResult
  /** Of which something was sent. */
  readonly packageName: PackageName | undefined
}

/** A request of a client that has been answered, or broke off. */
export interface EndedRequest {
  readonly method: string
  /** As in the router, such as `/p2/:vendor/:file`; undefined: nothing is there. */
  readonly route: string | undefined
  readonly surface: 'composer' | 'api' | undefined
  readonly status: number
  readonly durationMs: number
  /** Of the body, as sent. */
  readonly bytes: number
}

/** One request to upstream: each redirect and each retry is one. */
export interface UpstreamCall {
  readonly method: string
  readonly host: string
  /** Without its query, which may have secrets. */
  readonly path: string
  /** undefined: no answer came. */
  readonly status: number | undefined
  /** Why there is no complete answer; undefined: there is one. */
  readonly reason: FetchFailure | undefined
  readonly durationMs: number
  /** Of the body, as it came. */
  readonly bytes: number
}

/** Is told what happens here. Nothing that is told may wait for it, and it never throws. */
export interface Observer {
  readonly requestEnded: (request: EndedRequest) => void
  readonly cacheUsed: (use: CacheUse) => void
  readonly upstreamAsked: (call: UpstreamCall) => void
  /** This node tried to append; `events` are those that are in the log now. */
  readonly appended: (
    result: 'appended' | 'conflict' | 'failed',
    events: readonly RecordedEvent[],
  ) => void
  readonly tokenRefused: () => void
  /** Bytes of ours were not what their name says. */
  readonly corruptionFound: () => void
}

/** Tells all of them; each hears of what it listens to. */
export function tellAll(all: readonly Partial<Observer>[]): Observer {
  return {
    requestEnded: (request) => all.forEach((each) => each.requestEnded?.(request)),
    cacheUsed: (use) => all.forEach((each) => each.cacheUsed?.(use)),
    upstreamAsked: (call) => all.forEach((each) => each.upstreamAsked?.(call)),
    appended: (result, events) => all.forEach((each) => each.appended?.(result, events)),
    tokenRefused: () => all.forEach((each) => each.tokenRefused?.()),
    corruptionFound: () => all.forEach((each) => each.corruptionFound?.()),
  }
}

/** The package that a document is of, for `observed`; none for the root file. */
export type Asked = { readonly kind: CacheKind; readonly packageName: PackageName | undefined }

/** Answers and tells the observer where the answer came from. */
export async function observed<Answer>(
  { cacheUsed }: Pick<Observer, 'cacheUsed'>,
  { kind, packageName }: Asked,
  answer: (note: NoteResult) => Promise<Answer>,
): Promise<Answer> {
  let noted: CacheResult | undefined
  let isAnswered = false
  try {
    const given = await answer((result) => (noted = result))
    isAnswered = true
    return given
  } finally {
    if (noted !== undefined) {
      cacheUsed({ kind, result: noted, packageName: isAnswered ? packageName : undefined })
    }
  }
}
