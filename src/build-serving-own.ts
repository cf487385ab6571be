import type { Logger } from 'pino'
import { readNamedAmong } from '../projections/package-reference.ts'
import { readListing } from '../projections/private-listing.ts'
import {
  isPublished,
  readPrivateDocument,
  readVersionsOfBlob,
} from '../projections/private-package.ts'
import { readRules, toLayOver, versionRule } from '../projections/version-rule.ts'
import { buildAdvisoriesOfOthers } from './build-advisories.ts'
import type { Relays } from './build-relays.ts'
import { createAllowance } from './access/allowance.ts'
import type { BlobStore } from './archives/blobs.ts'
import { createNotingWanted } from './archives/wanted.ts'
import type { PackageName } from './composer/names.ts'
import type { VersionRule } from './composer/version-rules.ts'
import type { Config } from './config.ts'
import type { Db } from './database/schema.ts'
import type { Digestion } from './digestion/digestion.ts'
import type { EventLog } from './events/log.ts'
import type { Position } from './events/types.ts'
import type { ServeArchive } from './http/composer/archive.ts'
import type { DocumentAsOf } from './metadata/as-of.ts'
import type { CurrentDocument } from './metadata/current.ts'
import { endpointsIfKnown, type ReadEndpoints } from './metadata/endpoints.ts'
import type { NameLists } from './metadata/name-lists.ts'
import type { Overlay } from './metadata/overlay.ts'
import { type Answers, createAnswers } from './private/answers/answers.ts'
import { createInstalls, type Install, type Installs } from './private/installs.ts'
import { noUpstream, type Upstreams } from './private/serve/only-own.ts'
import { createOpenOwnArchive, withOwnArchives } from './private/serve/own-archives.ts'
import { createOwnDocuments, withOwnDocuments } from './private/serve/own-documents.ts'
import type { Reserved } from './private/reserved.ts'
import { whenCaughtUp } from './projector/caught-up.ts'
import type { Projector } from './projector/run.ts'
import type { SnapshotStore } from './snapshots/store.ts'
import { currentRequestId } from './request-context.ts'
import { type CacheKind, observed, type Observer } from './telemetry/observer.ts'
import { type Instant, msOfInstant } from './time-machine/instant.ts'
import { alsoAt, createAddressGuard } from './upstream/address-guard.ts'
import type { Upstream } from './upstream/client.ts'
import { notifyUpstream } from './upstream/notify.ts'
import { metadataTimeouts } from './upstream/timeouts.ts'

interface ServingOwnParts extends Reserved {
  readonly config: Config
  readonly outside: { readonly logger: Logger; readonly now: () => Instant }
  readonly observer: Pick<Observer, 'cacheUsed'>
  readonly upstream: Upstream
  readonly db: Db
  readonly log: EventLog
  readonly projector: Projector
  readonly headAtStart: Position
  readonly digestion: Digestion
  readonly snapshots: SnapshotStore
  readonly endpoints: ReadEndpoints
}

export interface ServingOwn {
  readonly current: CurrentDocument
  readonly asOf: DocumentAsOf
  readonly overlay: Overlay
  readonly serveArchive: ServeArchive
}

/** What is served of both: upstream's packages, unless there is to be none, and ours. */
export async function buildServing(
  parts: ServingOwnParts,
  withUpstream: Upstreams & { readonly blobs: BlobStore },
): Promise<ServingOwn> {
  const { config, db, snapshots, isReserved, observer } = parts
  const upstreams = config.proxyEnabled ? withUpstream : await noUpstream(snapshots)
  const blocksOf = createBlocksOf(parts)
  const documents = createOwnDocuments({
    stateOf: async (document, position) => await readPrivateDocument(db, document, position),
    isPublished: async (packageName) => await isPublished(db, packageName),
    blocksOf,
    snapshots,
  })
  const openOwnArchive = createOpenOwnArchive({
    versionsOf: async (packageName, sha256) => await readVersionsOfBlob(db, packageName, sha256),
    blocksOf,
    blobs: withUpstream.blobs,
  })
  const own: Overlay = {
    now: async (asked) => await hit('metadata', asked, async () => await documents.now(asked)),
    asOf: async (asked, basis) =>
      await hit('metadata', asked, async () => await documents.asOf(asked, basis)),
  }
  /** What is ours is always here. */
  async function hit<Found>(
    kind: CacheKind,
    { packageName }: { readonly packageName: PackageName },
    find: () => Promise<Found>,
  ): Promise<Found> {
    return await observed(observer, { kind, packageName }, async (note) => {
      const found = await find()
      note('hit')
      return found
    })
  }
  return {
    ...upstreams,
    overlay: withOwnDocuments(upstreams.overlay, { own, isReserved }),
    serveArchive: notingWanted(
      parts,
      withOwnArchives(upstreams.openArchive, {
        own: async (request, principal) =>
          await hit('archives', request, async () => await openOwnArchive(request, principal)),
        isReserved,
      }),
    ),
  }
}

function notingWanted({ log, outside }: ServingOwnParts, serve: ServeArchive): ServeArchive {
  const noting = createNotingWanted({ log, ...outside, requestId: currentRequestId })
  return async (request, principal) =>
    await noting({ principal, client: request.client }, async () => await serve(request, principal))
}

/** The operator's own. @throws AppError `still_catching_up`. */
function createBlocksOf(
  parts: ServingOwnParts,
): (packageName: PackageName) => Promise<readonly VersionRule[]> {
  const caughtUp = whenCaughtUp(parts)
  return async (packageName) => {
    caughtUp(versionRule)
    const rules = await readRules(parts.db, packageName)
    return rules.filter(({ list }) => list === 'own').map(toLayOver)
  }
}

/** A `composer update` asks for advisories once, and somebody who searches a few times a minute. */
const relayAllowance = {
  burst: 100,
  perSecond: 5,
  message: 'this client has searched, or asked for lists or advisories, too often; ask again later',
} as const

type AnswersParts = ServingOwnParts &
  Relays & { readonly current: CurrentDocument; readonly nameLists: NameLists }

/** What Composer asks beside metadata and archives. */
export function buildAnswers(parts: AnswersParts): Answers {
  const { config, outside, db, reservedNames, digestion } = parts
  const allowance = createAllowance({ ...relayAllowance, nowMs: () => msOfInstant(outside.now()) })
  return createAnswers({
    ask: parts.ask,
    allowance,
    advisoriesOfOthers: buildAdvisoriesOfOthers({ ...parts, allowance }),
    hasUpstream: config.proxyEnabled,
    listing: async (position) => await readListing(db, position),
    reservedNames,
    searchUrl: `${config.publicUrl}/search.json`,
    digest: digestion.digest,
  })
}

export function buildInstalls(parts: ServingOwnParts): Installs {
  const { config, outside, db, reservedNames } = parts
  return createInstalls({
    reservedNames,
    namedAmong: async (installs) => await readNamedAmong(db, installs),
    passOn: config.notifyUpstream && config.proxyEnabled ? passingOn(parts) : undefined,
    ...outside,
  })
}

/** More than these at once and upstream is too slow to be told of all. */
const passingOnMax = 10

/** Nobody waits for it, and what fails is dropped: upstream's counts of downloads are no business of ours. */
function passingOn(parts: ServingOwnParts): (installs: readonly Install[]) => void {
  const { config, outside, upstream, endpoints } = parts
  let underWay = 0
  async function tell(installs: readonly Install[]): Promise<void> {
    const { notifyBatch: url } = await endpointsIfKnown(endpoints)
    if (url === undefined) return
    const guard = createAddressGuard(config.packagistUrl, alsoAt(url))
    const client = upstream.client({ guard, timeouts: timeoutsOf(config) })
    await notifyUpstream(client, url, installs)
  }
  return (installs) => {
    if (installs.length === 0 || underWay >= passingOnMax) return
    underWay += 1
    tell(installs)
      .catch((error: unknown) => {
        outside.logger.warn({ err: error }, 'upstream could not be told of installs')
      })
      .finally(() => (underWay -= 1))
  }
}

function timeoutsOf({ upstreamTimeoutSeconds }: Config): ReturnType<typeof metadataTimeouts> {
  return metadataTimeouts(upstreamTimeoutSeconds * 1000)
}
