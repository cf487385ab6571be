import type { Logger } from 'pino'
import { DocumentUnreadable } from '../composer/document.ts'
import type { DocumentName } from '../composer/names.ts'
import type { Digest } from '../digestion/digestion.ts'
import type { EventLog } from '../events/log.ts'
import type { Position, Sha256 } from '../events/types.ts'
import { createSingleFlight, onOneNode, type Turn } from '../single-flight.ts'
import { sha256Of, type SnapshotStore } from '../snapshots/store.ts'
import { type Instant, msOfInstant } from '../time-machine/instant.ts'
import { possibleDate } from '../time-machine/possible-date.ts'
import type { Why } from '../upstream/causes.ts'
import type { NoAnswer } from '../upstream/failures.ts'
import type { MetadataAnswer } from '../upstream/metadata.ts'
import { type Fetched, type Refusal, refusedFetch } from './decide.ts'
import type { DoubtMissing } from './doubt.ts'
import { type Inspected, inspectionVersion } from './inspect.ts'
import { recordFetch } from './record-fetch.ts'

/** What the read models know of a document, as far as a fetch needs it. */
export interface KnownDocument {
  /** 0 when the document was never asked for. */
  readonly streamVersion: number
  readonly sha256: Sha256 | undefined
  /** What upstream may be asked by, whether there is anything newer; undefined: it has to send what it has. */
  readonly lastModified: Instant | undefined
  /** The body that was refused last. */
  readonly refused: Refusal | undefined
  /** What the last recorded answer was, when there never were any bytes and nothing speaks for another one now. */
  readonly neverThere: 'missing' | 'failed' | undefined
}

export interface RefreshOptions {
  readonly fetchMetadata: (request: {
    readonly document: DocumentName
    readonly knownLastModified: Instant | undefined
  }) => Promise<MetadataAnswer>
  readonly doubtMissing: DoubtMissing
  readonly snapshots: SnapshotStore
  readonly digest: Digest
  readonly log: EventLog
  readonly knownDocument: (document: DocumentName) => Promise<KnownDocument>
  /** Resolves once the read models have everything up to `position`. */
  readonly until: (position: Position) => Promise<void>
  readonly turnFor: (name: string) => Turn
  readonly now: () => Instant
  /** Of the repository that documents are fetched from. */
  readonly upstreamHost: string
  readonly logger: Logger
}

/** `paused`: upstream wasn't asked, so there is nothing to record. */
export type Refreshed =
  /**
   * Of a document that never was: the same is recorded already, or `isOverBudget`: it may not be. `isShared`:
   * somebody else in this process had it asked for already.
   */
  | {
      readonly outcome: 'unrecorded'
      readonly answer: 'missing' | 'failed'
      /** There when it failed. */
      readonly why?: Why | undefined
      readonly isOverBudget: boolean
      readonly isShared: boolean
    }
  /** `isShared`: somebody else had it fetched already, in this process or on another node. */
  | { readonly outcome: 'recorded'; readonly isShared: boolean }
  | Extract<NoAnswer, { readonly outcome: 'paused' }>

/**
 * Fetches a document, records what came of it, and returns when the read models know it too.
 *
 * @param options.mayRecord asked before it is recorded that a document which never was isn't there.
 */
export type Refresh = (
  document: DocumentName,
  options?: { readonly mayRecord?: () => boolean },
) => Promise<Refreshed>

interface Task {
  readonly document: DocumentName
  readonly mayRecord: () => boolean
}

const conflictsMax = 5
/** An event says which versions were left out, but not without a limit. */
const rejectedVersionsMax = 50
const listsNamedMax = 50

/**
 * One flight a document, on all nodes. The order is what makes a crash harmless: the body is kept before the event
 * that names it, so what a crash leaves is at most a snapshot that nothing names yet.
 */
export function createRefresh(options: RefreshOptions): Refresh {
  const refresh = createSingleFlight(
    async (task: Task) => await refreshOnOneNode(task, options),
    ({ document }) => document,
    shared,
  )
  return async (document, { mayRecord = () => true } = {}) => await refresh({ document, mayRecord })
}

function shared(refreshed: Refreshed): Refreshed {
  return refreshed.outcome === 'paused' ? refreshed : { ...refreshed, isShared: true }
}

async function refreshOnOneNode(task: Task, options: RefreshOptions): Promise<Refreshed> {
  const { document } = task
  const { streamVersion } = await options.knownDocument(document)
  return await onOneNode<Refreshed>({
    turn: options.turnFor(`fetch ${document}`),
    async brought() {
      const known = await options.knownDocument(document)
      return known.streamVersion > streamVersion
        ? { outcome: 'recorded', isShared: true }
        : undefined
    },
    work: async () => await refreshOnce(task, options),
  })
}

async function refreshOnce(
  { document, mayRecord }: Task,
  options: RefreshOptions,
): Promise<Refreshed> {
  const { fetchMetadata, knownDocument, log, now } = options
  let known = await knownDocument(document)
  const begunAt = now()
  const answer = await fetchMetadata({ document, knownLastModified: known.lastModified })
  if (answer.outcome === 'paused') return answer
  const fetchedAt = now()
  const durationMs = Math.max(0, msOfInstant(fetchedAt) - msOfInstant(begunAt))
  const kept = await keep(document, answer, { known, fetchedAt, options })
  const fetched = await options.doubtMissing(document, kept)
  const unrecorded = whyUnrecorded(known, fetched, mayRecord)
  if (unrecorded !== undefined) return unrecorded

  for (let conflicts = 0; ; conflicts++) {
    const fetch = { document, fetchedAt, durationMs, fetched }
    const result = await recordFetch({ known, fetch, options })
    if (result.outcome === 'appended') {
      await options.until(result.events.at(-1)?.position ?? 0n)
      return { outcome: 'recorded', isShared: false }
    }
    // Another node recorded a fetch of the same document meanwhile: decide against what it saw.
    if (conflicts === conflictsMax) throw new Error(`${document}: too many concurrent appends`)
    await options.until(await log.head())
    known = await knownDocument(document)
  }
}

/**
 * Events stay for good, so that a document which never was isn't there is recorded once, and only as often as the
 * budget of who asks for it allows. So is a body that is refused; another one may be recorded again.
 */
function whyUnrecorded(
  { sha256, neverThere, refused }: KnownDocument,
  fetched: Fetched,
  mayRecord: () => boolean,
): Extract<Refreshed, { readonly outcome: 'unrecorded' }> | undefined {
  const { outcome } = fetched
  if (sha256 !== undefined || (outcome !== 'missing' && outcome !== 'failed')) return undefined
  const { refusal, why } = outcome === 'failed' ? fetched : {}
  const isSame = refusal === undefined || refusal.sha256 === refused?.sha256
  const isOverBudget = neverThere !== outcome || !isSame
  if (isOverBudget && mayRecord()) return undefined
  return { outcome: 'unrecorded', answer: outcome, why, isOverBudget, isShared: false }
}

interface Keep {
  readonly known: KnownDocument
  readonly fetchedAt: Instant
  readonly options: RefreshOptions
}

/** Puts a good body into the snapshot store; a bad one becomes a failed fetch, and is never kept. */
async function keep(
  document: DocumentName,
  answer: Exclude<MetadataAnswer, { outcome: 'paused' }>,
  { known, fetchedAt, options }: Keep,
): Promise<Fetched> {
  if (answer.outcome !== 'body') return answer
  const { snapshots, upstreamHost, logger } = options
  const upstreamSha256 = sha256Of(answer.body)
  const inspected =
    refusedBefore(upstreamSha256, known) ?? (await inspect(document, answer.body, options))
  if (!inspected.ok) {
    const { problem, example, isNoSuch } = inspected
    if (isNoSuch === true) return { outcome: 'missing', status: 200 }
    logger.error(
      { alert: 'document_refused', document, problem, example, sha256: upstreamSha256 },
      `upstream sent a bad ${document}`,
    )
    const refusal = { sha256: upstreamSha256, problem, inspection: inspectionVersion }
    return refusedFetch(refusal, upstreamHost)
  }
  const { body, rejected, versions, unreadableLists } = inspected
  const kept = {
    outcome: 'body',
    sha256: await snapshots.put(body, known.sha256),
    sizeBytes: body.length,
    lastModified: possibleDate(answer.lastModified, fetchedAt),
    versions,
    ...(unreadableLists.length > 0 && { unreadableLists: unreadableLists.slice(0, listsNamedMax) }),
  } as const
  if (rejected.length === 0) return kept
  const rejectedVersions = rejected.slice(0, rejectedVersionsMax)
  logger.error(
    { alert: 'versions_left_out', document, rejected: rejectedVersions },
    `upstream sent versions of ${document} that are left out`,
  )
  return {
    ...kept,
    upstreamSha256: await snapshots.put(answer.body, kept.sha256),
    rejectedVersions,
  }
}

/** Past a limit of time or memory it is as bad as past one that is counted. */
async function inspect(
  document: DocumentName,
  body: Buffer,
  { digest }: RefreshOptions,
): Promise<Inspected> {
  try {
    return await digest('inspect', body, document)
  } catch (error) {
    if (error instanceof DocumentUnreadable) return { ok: false, problem: error.message }
    throw error
  }
}

/** Looking at the same bytes by the same rules again would come to the same, however long it takes. */
function refusedBefore(sha256: Sha256, { refused }: KnownDocument): Inspected | undefined {
  const isSame = refused?.sha256 === sha256 && refused.inspection === inspectionVersion
  return isSame ? { ok: false, problem: refused.problem } : undefined
}
