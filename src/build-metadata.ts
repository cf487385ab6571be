import type { Logger } from 'pino'
import { readDigest } from '../projections/document-digest.ts'
import {
  type CurrentDocument as CurrentRow,
  readCurrentDocument,
} from '../projections/document-queries.ts'
import { buildRelays, type Relays } from './build-relays.ts'
import {
  type DocumentName,
  filterSummary,
  packageOfDocument,
  rootDocument,
} from './composer/names.ts'
import type { Config } from './config.ts'
import type { Db } from './database/schema.ts'
import type { Digestion } from './digestion/digestion.ts'
import type { EventLog } from './events/log.ts'
import { createCurrentDocument, type CurrentDocument } from './metadata/current.ts'
import { createDoubtMissing } from './metadata/doubt.ts'
import { createReadEndpoints, type ReadEndpoints } from './metadata/endpoints.ts'
import { createIsDoubted } from './metadata/denial.ts'
import { createLookUp } from './metadata/look-up.ts'
import { createLookupBudget } from './metadata/lookup-budget.ts'
import type { NameLists } from './metadata/name-lists.ts'
import {
  createRefresh,
  type KnownDocument,
  type Refresh,
  type RefreshOptions,
} from './metadata/refresh.ts'
import type { IsReserved } from './private/reserved.ts'
import { type Projector, waitingFor } from './projector/run.ts'
import type { Turn } from './single-flight.ts'
import type { SnapshotStore } from './snapshots/store.ts'
import type { Instant } from './time-machine/instant.ts'
import { alsoAt, createAddressGuard, noOthers } from './upstream/address-guard.ts'
import type { Upstream } from './upstream/client.ts'
import { documentUrl, fetchMetadata } from './upstream/metadata.ts'
import { metadataTimeouts } from './upstream/timeouts.ts'

interface MetadataParts {
  readonly config: Config
  readonly outside: { readonly logger: Logger; readonly now: () => Instant }
  readonly upstream: Upstream
  readonly turnFor: (name: string) => Turn
  readonly db: Db
  readonly log: EventLog
  readonly snapshots: SnapshotStore
  readonly digestion: Digestion
  readonly projector: Projector
  readonly nameLists: NameLists
  readonly isReservedByNow: IsReserved
}

export interface Metadata extends Relays {
  readonly refresh: Refresh
  readonly current: CurrentDocument
  readonly endpoints: ReadEndpoints
}

/** The part of the composition root that is about a document now. */
export function buildMetadata(parts: MetadataParts): Metadata {
  const { config, outside, turnFor, db, log, snapshots, projector } = parts
  const { packagistUrl, metadataTtlSeconds } = config
  const { logger, now } = outside
  const upstreamHost = new URL(packagistUrl).host
  const refresh: Refresh = createRefresh({
    fetchMetadata: createFetchMetadata(parts, async () => (await endpoints()).filterSummary),
    doubtMissing: createDoubtMissing({
      state: async (document) => await readCurrentDocument(db, document),
      refreshRoot: async () => void (await refresh(rootDocument)),
      upstreamHost,
      now,
    }),
    snapshots,
    digest: parts.digestion.digest,
    log,
    knownDocument: async (document) => await readKnown(db, document),
    until: waitingFor(projector, 'document', 'version_rule'),
    turnFor,
    now,
    upstreamHost,
    logger,
  })
  const isDoubted = createIsDoubted({ nameLists: parts.nameLists, now })
  const current = createCurrentDocument({
    isDoubted,
    currentState: async (document) => await readCurrentDocument(db, document),
    refresh,
    now,
    metadataTtlSeconds,
    lookUp: createLookUp({
      refresh,
      nameLists: parts.nameLists,
      isDoubted,
      budget: createLookupBudget(now),
      async found(document) {
        const { sha256, lastModified } = knownFrom(await readCurrentDocument(db, document))
        return sha256 && { lastModified }
      },
      now,
    }),
    upstreamHost,
    logger,
  })
  const snapshot = snapshots.get
  const endpoints = createReadEndpoints({ current, snapshot, upstreamUrl: packagistUrl })
  return { refresh, current, endpoints, ...buildRelays(parts, endpoints) }
}

/** Of bytes that aren't given as they are, upstream is asked anew: then an event and an alert say what is left out. */
async function readKnown(db: Db, document: DocumentName): Promise<KnownDocument> {
  const known = knownFrom(await readCurrentDocument(db, document))
  const packageName = packageOfDocument(document)?.packageName
  if (known.sha256 === undefined || packageName === undefined) return known
  const digest = await readDigest(db, packageName, known.sha256)
  return digest?.isWhole === false ? { ...known, lastModified: undefined } : known
}

function refusedBody({
  refused_sha256: sha256,
  refused_problem: problem,
  refused_inspection: inspection,
}: CurrentRow): KnownDocument['refused'] {
  if (sha256 === null || problem === null || inspection === null) return undefined
  return { sha256, problem, inspection }
}

function knownFrom(row: CurrentRow | undefined): KnownDocument {
  if (row === undefined) return unknown
  return {
    streamVersion: row.stream_version,
    sha256: row.sha256 ?? undefined,
    // Who purges wants what upstream has, and not its word that nothing has changed.
    lastModified: row.purged ? undefined : (row.last_modified ?? undefined),
    refused: refusedBody(row),
    neverThere: neverThere(row),
  }
}

const unknown: KnownDocument = {
  streamVersion: 0,
  sha256: undefined,
  lastModified: undefined,
  refused: undefined,
  neverThere: undefined,
}

function neverThere(row: CurrentRow): KnownDocument['neverThere'] {
  // What asks for another look is over only once its answer is recorded.
  if (row.sha256 !== null || row.purged || row.unseen_change !== null) return undefined
  const { failed_at, checked_at } = row
  if (failed_at !== null && (checked_at === null || failed_at >= checked_at)) return 'failed'
  return row.gone ? 'missing' : undefined
}

const reservedPauseSeconds = 60

/** @param summaryUrl where upstream has the summary of its lists; undefined: it has none. */
function createFetchMetadata(
  { config, upstream, isReservedByNow }: MetadataParts,
  summaryUrl: () => Promise<string | undefined>,
): RefreshOptions['fetchMetadata'] {
  const { packagistUrl, upstreamTimeoutSeconds } = config
  const timeouts = metadataTimeouts(upstreamTimeoutSeconds * 1000)
  const client = upstream.client({ guard: createAddressGuard(packagistUrl, noOthers), timeouts })
  return async ({ document, knownLastModified }) => {
    const packageName = packageOfDocument(document)?.packageName
    // Nobody asks for these documents. This is in case somebody does, or it was reserved meanwhile.
    if (packageName !== undefined && (await isReservedByNow(packageName))) {
      return { outcome: 'paused', retryAfterSeconds: reservedPauseSeconds }
    }
    if (document !== filterSummary) {
      return await fetchMetadata(client, documentUrl(packagistUrl, document), knownLastModified)
    }
    const url = await summaryUrl()
    if (url === undefined) return { outcome: 'missing', status: 404 }
    const guard = createAddressGuard(packagistUrl, alsoAt(url))
    return await fetchMetadata(upstream.client({ guard, timeouts }), url, knownLastModified)
  }
}
