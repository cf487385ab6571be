import type { Logger } from 'pino'
import { parseDocument } from '../composer/document.ts'
import { type DocumentName, packageOfDocument } from '../composer/names.ts'
import { parseRootFile } from '../composer/root-file.ts'
import type { AppendResult, EventLog } from '../events/log.ts'
import { newEvent } from '../events/new-event.ts'
import { documentStream, type DomainEvent, type Position, type Sha256 } from '../events/types.ts'
import { createSingleFlight } from '../single-flight.ts'
import type { SnapshotStore } from '../snapshots/store.ts'
import { type Instant, msOfInstant } from '../time-machine/instant.ts'
import type { MetadataAnswer } from '../upstream/metadata.ts'
import { decide, type Fetched } from './decide.ts'

/** What the read models know of a document, as far as a fetch needs it. */
export interface KnownDocument {
  /** 0 when the document was never asked for. */
  readonly streamVersion: number
  readonly sha256: Sha256 | undefined
  readonly lastModified: Instant | undefined
}

export interface RefreshOptions {
  readonly fetchMetadata: (request: {
    readonly document: DocumentName
    readonly knownLastModified: Instant | undefined
  }) => Promise<MetadataAnswer>
  readonly snapshots: SnapshotStore
  readonly log: EventLog
  readonly knownDocument: (document: DocumentName) => Promise<KnownDocument>
  /** Resolves once the read models have everything up to `position`. */
  readonly until: (position: Position) => Promise<void>
  readonly now: () => Instant
  readonly logger: Logger
}

/** `paused`: upstream wasn't asked, so there is nothing to record. */
export type Refreshed =
  | { readonly outcome: 'recorded' }
  | { readonly outcome: 'paused'; readonly retryAfterSeconds: number }

/** Fetches a document, records what came of it, and returns when the read models know it too. */
export type Refresh = (document: DocumentName) => Promise<Refreshed>

const conflictsMax = 5

/**
 * One flight a document. The order is what makes a crash harmless: the body is kept before the event
 * that names it, so what a crash leaves is at most a snapshot that nothing names yet.
 */
export function createRefresh(options: RefreshOptions): Refresh {
  return createSingleFlight(
    async (document) => await refreshOnce(document, options),
    (document) => document,
  )
}

async function refreshOnce(document: DocumentName, options: RefreshOptions): Promise<Refreshed> {
  const { fetchMetadata, knownDocument, log, now, logger } = options
  let known = await knownDocument(document)
  const begunAt = now()
  const answer = await fetchMetadata({ document, knownLastModified: known.lastModified })
  if (answer.outcome === 'paused') return answer
  const fetchedAt = now()
  const durationMs = Math.max(0, msOfInstant(fetchedAt) - msOfInstant(begunAt))
  const fetched = await keep(document, answer, { known, options })

  for (let conflicts = 0; ; conflicts++) {
    const event = decide(known, { document, fetchedAt, durationMs, fetched })
    const result = await append(log, document, { event, expected: known.streamVersion })
    if (result.outcome === 'appended') {
      logOutcome(logger, event, durationMs)
      await options.until(result.events.at(-1)?.position ?? 0n)
      return { outcome: 'recorded' }
    }
    // Another node recorded a fetch of the same document meanwhile: decide against what it saw.
    if (conflicts === conflictsMax) throw new Error(`${document}: too many concurrent appends`)
    await options.until(await log.head())
    known = await knownDocument(document)
  }
}

/** Puts a good body into the snapshot store; a bad one becomes a failed fetch, and is never kept. */
async function keep(
  document: DocumentName,
  answer: Exclude<MetadataAnswer, { outcome: 'paused' }>,
  { known, options }: { readonly known: KnownDocument; readonly options: RefreshOptions },
): Promise<Fetched> {
  if (answer.outcome !== 'body') return answer
  const problem = problemOf(document, answer.body)
  if (problem !== undefined) {
    options.logger.warn({ document, problem }, `upstream sent a bad document for ${document}`)
    return { outcome: 'failed', reason: 'invalid_document', status: 200 }
  }
  const sha256 = await options.snapshots.put(answer.body, known.sha256)
  return {
    outcome: 'body',
    sha256,
    sizeBytes: answer.body.length,
    lastModified: answer.lastModified,
  }
}

function problemOf(document: DocumentName, body: Buffer): string | undefined {
  const name = packageOfDocument(document)
  if (name !== undefined) {
    const parsed = parseDocument(body, name.packageName)
    return parsed.ok ? undefined : parsed.problem
  }
  try {
    parseRootFile(body)
    return undefined
  } catch {
    return 'not a JSON object'
  }
}

async function append(
  log: EventLog,
  document: DocumentName,
  { event, expected }: { readonly event: DomainEvent; readonly expected: number },
): Promise<AppendResult> {
  return await log.append({ stream: documentStream(document), expected, events: [newEvent(event)] })
}

function logOutcome(logger: Logger, event: DomainEvent, durationMs: number): void {
  const failed = event.type === 'MetadataFetchFailed'
  logger[failed ? 'warn' : 'debug'](
    { type: event.type, ...event.data, durationMs },
    `upstream metadata: ${event.type}`,
  )
}
