import type { Logger } from 'pino'
import { DocumentUnreadable } from '../composer/document.ts'
import type { DocumentName } from '../composer/names.ts'
import type { AppendResult } from '../events/log.ts'
import { newEvent, NotRecordable } from '../events/new-event.ts'
import { documentStream, type DomainEvent, type Sha256 } from '../events/types.ts'
import {
  decide,
  type Fetch,
  type Fetched,
  type Known,
  type NamedVersions,
  refusedFetch,
} from './decide.ts'
import { wordsFor } from '../upstream/causes.ts'
import { inspectionVersion } from './inspect.ts'
import type { KnownDocument, RefreshOptions } from './refresh.ts'

interface Recording {
  readonly known: KnownDocument
  readonly fetch: Fetch
  readonly options: RefreshOptions
}

/** What can't be recorded of a body makes it a bad one: otherwise each fetch of it would be an error of ours. */
export async function recordFetch({ known, fetch, options }: Recording): Promise<AppendResult> {
  const { document, fetched } = fetch
  const compared = await before(document, known, { fetched, options })
  try {
    return await append({ known, fetch, options }, decide(compared, fetch))
  } catch (error) {
    if (!(error instanceof NotRecordable) || fetched.outcome !== 'body') throw error
    const alert = 'document_refused'
    options.logger.error(
      { err: error, alert, document },
      `what upstream sent for ${document} is too much`,
    )
    const refusal = {
      sha256: fetched.upstreamSha256 ?? fetched.sha256,
      problem: 'more to tell of it than events have room for',
      inspection: inspectionVersion,
    }
    const refused = { ...fetch, fetched: refusedFetch(refusal, options.upstreamHost) }
    return await append({ known, fetch: refused, options }, decide(compared, refused))
  }
}

async function append(
  { known, fetch, options }: Recording,
  events: readonly DomainEvent[],
): Promise<AppendResult> {
  const result = await options.log.append({
    stream: documentStream(fetch.document),
    expected: known.streamVersion,
    events: events.map(newEvent),
  })
  if (result.outcome === 'appended') logOutcome(options.logger, events, fetch)
  return result
}

const none: NamedVersions = new Map()

/** What `decide` compares with; the bytes before are read only when there are others now. */
async function before(
  document: DocumentName,
  known: KnownDocument,
  { fetched, options }: { readonly fetched: Fetched; readonly options: RefreshOptions },
): Promise<Known> {
  const { sha256 } = known
  const isChange = fetched.outcome === 'body' && sha256 !== undefined && fetched.sha256 !== sha256
  return { sha256, versions: isChange ? await versionsOf(document, sha256, options) : none }
}

/** None when the body, of a former release, is past a limit of this one. */
async function versionsOf(
  document: DocumentName,
  sha256: Sha256,
  { snapshots, digest }: RefreshOptions,
): Promise<NamedVersions> {
  try {
    return await digest('versions', await snapshots.get(sha256), document)
  } catch (error) {
    if (error instanceof DocumentUnreadable) return none
    throw error
  }
}

function logOutcome(
  logger: Logger,
  events: readonly DomainEvent[],
  { durationMs, fetched }: Fetch,
): void {
  const why = fetched.outcome === 'failed' ? { why: wordsFor(fetched.why) } : {}
  for (const { type, data } of events) {
    const about = { type, ...data, ...why, durationMs }
    const message = `upstream metadata: ${type}`
    // Branches come and go.
    const isOfBranches = 'document' in data && data.document.endsWith('~dev')
    const alert = isOfBranches ? undefined : alerts.get(type)
    if (alert !== undefined) logger.error({ alert, ...about }, message)
    else logger[type === 'MetadataFetchFailed' ? 'warn' : 'debug'](about, message)
  }
}

/** What somebody should look at. */
const alerts: ReadonlyMap<DomainEvent['type'], string> = new Map([
  ['ReferenceMoved', 'reference_moved'],
  ['VersionWithdrawn', 'version_withdrawn'],
])
