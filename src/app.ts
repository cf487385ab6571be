import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import {
  isReservedByPublications,
  privatePackage,
  readReservedByPublications,
} from '../projections/private-package.ts'
import { type GeneratedToken, generateAdminToken } from './admin-token.ts'
import type { BlobStore } from './archives/blobs.ts'
import type { Tokens } from './access/tokens.ts'
import { buildAccess } from './build-access.ts'
import { buildAdmin } from './build-admin.ts'
import { buildAlerts } from './build-alerts.ts'
import { buildArchives } from './build-archives.ts'
import { buildMetadata, type Metadata } from './build-metadata.ts'
import { buildNameLists } from './build-name-lists.ts'
import { buildPrivate } from './build-private.ts'
import { buildOverlay, type BuiltOverlay } from './build-overlay.ts'
import { buildRendering, type Rendering } from './build-rendering.ts'
import { type BuiltUpstream, buildUpstream } from './build-upstream.ts'
import { buildAnswers, buildInstalls, buildServing } from './build-serving-own.ts'
import { closeStores, openStores, type Stores } from './build-stores.ts'
import { buildSummary } from './build-summary.ts'
import type { DiskSpace } from './alerts/conditions.ts'
import type { Config } from './config.ts'
import { asExpectedFailure } from './expected-failures.ts'
import type { AlertsDeps } from './http/admin/alerts.ts'
import { packageArchive, type ServeArchive } from './http/composer/archive.ts'
import { createClientAddresses } from './http/client-addresses.ts'
import { createEncodedBodies } from './http/composer/document.ts'
import { packageMetadata } from './http/composer/package-metadata.ts'
import { knowingNow } from './http/composer/pin-of-now.ts'
import { notifyBatch } from './http/composer/notify.ts'
import { relayed } from './http/composer/relay.ts'
import { rootFile } from './http/composer/root.ts'
import { summary } from './http/composer/summary.ts'
import { metrics } from './http/metrics.ts'
import { openApi } from './http/openapi.ts'
import { probes, type Readiness } from './http/probes.ts'
import { problemPages } from './http/problems.ts'
import type { Route } from './http/route.ts'
import { startHttpServer } from './http/server.ts'
import type { startJob } from './jobs/every.ts'
import { startFeedJob } from './jobs/feed.ts'
import { startCountingJob } from './jobs/counting.ts'
import { createLease } from './jobs/lease.ts'
import { startNameListJob } from './jobs/name-list.ts'
import { startMalwareListsJob } from './jobs/malware-lists.ts'
import { bodyKey, type Bodies, createBodies } from './metadata/bodies.ts'
import { createResolveBasis } from './metadata/basis.ts'
import { createKnownRoot } from './metadata/known-root.ts'
import type { NameLists } from './metadata/name-lists.ts'
import type { Purge } from './purge.ts'
import type { Installs } from './private/installs.ts'
import { createReserved, namesReservedBy, type Reserved } from './private/reserved.ts'
import { whenCaughtUp } from './projector/caught-up.ts'
import { waitingFor } from './projector/run.ts'
import { readiness } from './readiness.ts'
import { createReadings } from './readings.ts'
import { type Turn, turnSeconds } from './single-flight.ts'
import { decisions } from './telemetry/decisions.ts'
import { createMetrics, type Metrics } from './telemetry/metrics.ts'
import { type Observer, tellAll } from './telemetry/observer.ts'
import { createUsage } from './telemetry/usage.ts'
import type { Step } from './terminal/progress.ts'
import type { Instant } from './time-machine/instant.ts'
import type { ProxyFor } from './upstream/proxies.ts'
import { isPublicAddress } from './upstream/public-addresses.ts'
import { tryUpstream } from './try-upstream.ts'
import { version } from './version.ts'

/** The outside world: what main.ts opens for real, and tests replace. */
export interface Outside {
  readonly databaseUrl: string
  readonly dataDirectory: string
  readonly logger: Logger
  readonly now: () => Instant
  /** From 0 to less than 1; spreads what would otherwise happen at once on every node. */
  readonly random: () => number
  /** Dates events; without it the database's clock does, which all nodes share. */
  readonly logClock?: () => Instant
  /** The proxy that a URL is asked through, `http` or `https`; without it, or undefined, there is none. */
  readonly proxyFor?: ProxyFor
  /** Is told how far work has come that a start waits for. */
  readonly report?: (step: Step) => void
  /** Whether a start is refused when upstream is new and can't be read; without it nobody looks. */
  readonly triesUpstream?: boolean
  /** Runs jobs; without it the real clock does. For tests, which say when. */
  readonly startJob?: typeof startJob
  /** Whether downloads may be written to the disk; without it its free space says so. For tests. */
  readonly hasRoomOnDisk?: (sizeBytes: number) => Promise<boolean>
  /** Of the data directory; without it the disk is asked. For tests. */
  readonly diskSpace?: () => Promise<DiskSpace>
}

export interface App {
  /** There when no admin token was set or made before. */
  readonly generatedToken: GeneratedToken | undefined
  /** Everything that is served. */
  readonly routes: readonly Route[]
  /** Drains requests, then closes in the reverse order of opening. */
  readonly close: () => Promise<void>
}

const drainDeadlineMs = 30_000

/** The composition root: builds the parts and passes them to each other. */
export async function startApp(config: Config, outside: Outside): Promise<App> {
  const counters = createMetrics([config.packagistUrl, ...config.distOrigins.allowed])
  const usage = createUsage(outside)
  const observer = tellAll([counters, usage, decisions])
  const parts = await openParts(config, outside, observer)
  return await serve(parts, { counters, usage }).catch(async (error: unknown) => {
    // Whoever started it may end the database next: nothing is to ask it any more.
    await closeStores(parts)
    throw error
  })
}

interface Counts {
  readonly counters: Metrics
  readonly usage: ReturnType<typeof createUsage>
}

async function serve(parts: Parts, { counters, usage }: Counts): Promise<App> {
  const { config, outside, observer, db, snapshots, digestion } = parts
  const generatedToken = config.adminToken === undefined ? await generateAdminToken(db) : undefined
  const metadata = await openMetadata(parts)
  const { root, render } = await buildRendering(config, db)
  const bodies = createBodies({ snapshot: snapshots.get, ...digestion, ...config })
  const laidOver = buildOverlay({ ...parts, ...metadata, bodies, render })
  const archives = await buildArchives({ ...parts, ...laidOver, ...metadata })
  const servingParts = { ...parts, ...metadata }
  const serving = await buildServing(servingParts, { ...laidOver, ...archives })
  const installs = buildInstalls(servingParts)
  const access = buildAccess(parts)
  const alerts = buildAlerts({ ...parts, ...access, ...archives })
  let draining = false
  const routes = allRoutes(parts, {
    ...metadata,
    ...laidOver,
    ...archives,
    ...serving,
    installs,
    metrics: counters,
    bodies,
    root,
    ...alerts,
    ...access,
    readiness: async () => await readiness({ ...parts, isDraining: draining }),
  })
  const server = await startHttpServer(routes, {
    ...config,
    logger: outside.logger,
    repeats: parts.kept.keepingWhole(),
    authorize: access.authorize,
    addresses: createClientAddresses({ ...config, ...outside, isPublicAddress }),
    onRequest: observer.requestEnded,
    translate: asExpectedFailure,
  })
  const following = { ...parts, ...metadata, ...digestion }
  const jobs = [
    ...[startFeedJob, startMalwareListsJob, startNameListJob].map((start) => start(following)),
    ...[alerts.startJobs, parts.startTokenJob].map((start) => start()),
  ]
  // What requests leave to be recorded: these end when all requests have.
  const counting = startCountingJob([usage, installs, access.uses], parts)
  const recording = [archives.startJobs(), counting]
  return {
    generatedToken,
    routes,
    async close() {
      draining = true
      await Promise.all([server.close(drainDeadlineMs), ...jobs.map((job) => job?.stop())])
      await Promise.all(recording.map(async (job) => await job.stop()))
      await closeStores(parts)
    },
  }
}

async function openMetadata(parts: Parts): Promise<Metadata> {
  const metadata = buildMetadata(parts)
  if (parts.outside.triesUpstream === true) {
    await tryUpstream({ ...parts, ...metadata })
  }
  return metadata
}

async function openParts(config: Config, outside: Outside, observer: Observer): Promise<Parts> {
  const { upstream, startTokenJob } = await buildUpstream({ config, outside, observer })
  const stores = await openStores({ outside, observer })
  const { db } = stores
  const caughtUp = whenCaughtUp(stores)
  const reserved = createReserved({
    patterns: config.privateVendors,
    async isPublished(name) {
      caughtUp(privatePackage)
      return await isReservedByPublications(db, name)
    },
    published: stores.kept.keepingOne(async () => {
      caughtUp(privatePackage)
      return namesReservedBy(await readReservedByPublications(db))
    }),
  })
  return {
    config,
    outside,
    observer,
    upstream,
    startTokenJob,
    nameLists: buildNameLists({ config, outside, db }),
    turnFor: (name) => createLease(db, { name, holder: randomUUID(), seconds: turnSeconds }),
    ...reserved,
    ...stores,
  }
}

interface Parts extends Stores, Reserved, BuiltUpstream {
  readonly config: Config
  readonly outside: Outside
  readonly observer: Observer
  readonly nameLists: NameLists
  readonly turnFor: (name: string) => Turn
}

interface Served extends Metadata, BuiltOverlay {
  readonly metrics: Metrics
  readonly serveArchive: ServeArchive
  readonly installs: Installs
  readonly storedBlobs: BlobStore
  readonly purge: Purge
  readonly bodies: Bodies
  readonly root: Rendering['root']
  readonly alerts: AlertsDeps
  readonly tokens: Tokens
  readonly readiness: () => Promise<Readiness>
}

function allRoutes(parts: Parts, served: Served): readonly Route[] {
  const routes = [
    ...composerRoutes(parts, served),
    ...probes(served.readiness),
    problemPages,
    metrics(served.metrics, createReadings({ ...parts, ...parts.outside })),
    ...buildAdmin({ ...parts, ...served }),
    ...buildPrivate({ ...parts, ...served }),
  ]
  return [...routes, openApi(routes, version)]
}

function composerRoutes(parts: Parts, served: Served): readonly Route[] {
  const { config, log, projector, outside, reservedNames } = parts
  const { now } = outside
  const { bodies, root, serveArchive, installs } = served
  const metadata = {
    ...served,
    resolveBasis: createResolveBasis({
      log,
      until: waitingFor(projector, 'document', 'freeze', 'version_rule', 'private_package'),
      now,
    }),
    body: createEncodedBodies(bodies.read, bodyKey),
  }
  const pinned = [
    ...rootFile({ ...metadata, ...root, ...createKnownRoot(served), reservedNames }),
    ...packageMetadata(metadata),
    ...summary({ ...metadata, malwareSummary: buildSummary({ ...parts, ...served }) }),
    ...relayed({ ...metadata, answers: buildAnswers({ ...parts, ...served }) }),
  ]
  const { publicUrl } = config
  return [
    ...pinned.map(knowingNow({ now, publicUrl })),
    packageArchive(serveArchive),
    notifyBatch(installs.note),
  ]
}
