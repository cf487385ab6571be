import path from 'node:path'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import { readArchive } from '../projections/archive.ts'
import { readCurrentDocument, readStatesAround } from '../projections/document-queries.ts'
import { projections } from '../projections/index.ts'
import { readReference } from '../projections/package-reference.ts'
import { type GeneratedToken, generateAdminToken } from './admin-token.ts'
import { createLargeObjectStore } from './archives/large-objects.ts'
import { createOpenArchive, type OpenArchive } from './archives/read-through.ts'
import { documentName, rootDocument } from './composer/names.ts'
import { upstreamEndpoints } from './composer/packages-json.ts'
import { parseRootFile } from './composer/root-file.ts'
import type { Config } from './config.ts'
import { openDatabase } from './database/client.ts'
import { isConnectionLoss } from './database/errors.ts'
import { migrate } from './database/migrate.ts'
import { readRenderedSince } from './database/root-rendering.ts'
import type { Db } from './database/schema.ts'
import { AppError } from './errors.ts'
import type { EventLog } from './events/log.ts'
import { createPostgresLog } from './events/postgres.ts'
import { packageArchive } from './http/composer/archive.ts'
import { createEncodedBodies } from './http/composer/document.ts'
import { packageMetadata } from './http/composer/package-metadata.ts'
import { notifyBatch, type Relay, relayed } from './http/composer/relay.ts'
import { rootFile } from './http/composer/root.ts'
import { probes, type Readiness } from './http/probes.ts'
import type { Route } from './http/route.ts'
import { startHttpServer } from './http/server.ts'
import { createDocumentAsOf } from './metadata/as-of.ts'
import { bodyKey, createBodies } from './metadata/bodies.ts'
import { createResolveBasis } from './metadata/basis.ts'
import { createCurrentDocument, type CurrentDocument } from './metadata/current.ts'
import { createRefresh } from './metadata/refresh.ts'
import { createUnknownNames } from './metadata/unknown-names.ts'
import { schemaOf } from './projector/projection.ts'
import { type Projector, startProjector } from './projector/run.ts'
import { createSnapshotStore, type SnapshotStore } from './snapshots/store.ts'
import { type Instant, msOfInstant } from './time-machine/instant.ts'
import { createAddressGuard } from './upstream/address-guard.ts'
import { downloadArchive } from './upstream/archives.ts'
import { createUpstream, type Upstream } from './upstream/client.ts'
import { fetchMetadata } from './upstream/metadata.ts'
import { relayQuestion } from './upstream/relay.ts'
import { archiveTimeouts, metadataTimeouts } from './upstream/timeouts.ts'

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
}

export interface App {
  /** There when no admin token was set or made before. */
  readonly generatedToken: GeneratedToken | undefined
  /** Drains requests, then closes in the reverse order of opening. */
  readonly close: () => Promise<void>
}

const drainDeadlineMs = 30_000

/** The composition root: the only place that builds things and passes them to each other. */
export async function startApp(config: Config, outside: Outside): Promise<App> {
  const { databaseUrl, logger } = outside
  const { db } = openDatabase({
    connectionString: databaseUrl,
    logger,
    schemas: projections.map(schemaOf),
  })
  await migrate(db)
  const log = createPostgresLog({
    db,
    ...(outside.logClock === undefined ? {} : { now: outside.logClock }),
  })
  const snapshots = createSnapshotStore(db)
  const projector = await startProjector({
    db,
    log,
    projections,
    sources: { snapshot: snapshots.get },
    logger,
  })
  await projector.until(await log.head())

  const upstream = createUpstream({
    upstreamUrl: config.packagistUrl,
    userAgent: config.userAgent,
    now: () => msOfInstant(outside.now()),
    random: outside.random,
  })
  const parts: Parts = { config, outside, upstream, db, log, snapshots, projector }
  const generatedToken = config.adminToken === undefined ? await generateAdminToken(db) : undefined
  let draining = false
  const routes = [
    ...(await composerRoutes(parts)),
    ...probes(async () => await readiness(parts, draining)),
  ]
  const server = await startHttpServer(routes, {
    host: config.host,
    port: config.port,
    logger,
    translate: asExpectedFailure,
  })
  return {
    generatedToken,
    async close() {
      draining = true
      await server.close(drainDeadlineMs)
      await projector.stop()
      await db.destroy()
    },
  }
}

interface Parts {
  readonly config: Config
  readonly outside: Outside
  readonly upstream: Upstream
  readonly db: Db
  readonly log: EventLog
  readonly snapshots: SnapshotStore
  readonly projector: Projector
}

async function composerRoutes(parts: Parts): Promise<readonly Route[]> {
  const { config, db, log, snapshots, projector } = parts
  const { publicUrl } = config
  const { now } = parts.outside
  const current = buildCurrent(parts)
  const bodies = createBodies(snapshots.get)
  const metadata = {
    current,
    asOf: createDocumentAsOf({
      statesAround: async (document, position) => await readStatesAround(db, document, position),
      bodies,
      current,
    }),
    resolveBasis: createResolveBasis({ log, until: projector.until, now }),
    body: createEncodedBodies(bodies.read, bodyKey),
  }
  const renderedSince = await readRenderedSince(db, `1 ${publicUrl}`)
  return [
    ...(config.proxyEnabled
      ? [
          ...rootFile({ ...metadata, publicUrl, renderedSince }),
          ...packageMetadata(metadata),
          packageArchive(buildOpenArchive(parts, current)),
          ...relayed(buildRelay(parts, current)),
        ]
      : []),
    notifyBatch(),
  ]
}

function buildCurrent(parts: Parts): CurrentDocument {
  const { config, outside, upstream, db, log, snapshots, projector } = parts
  const { packagistUrl, upstreamTimeoutSeconds, metadataTtlSeconds } = config
  const { logger, now } = outside
  const client = upstream.client({
    guard: createAddressGuard(packagistUrl, []),
    timeouts: metadataTimeouts(upstreamTimeoutSeconds * 1000),
  })
  const refresh = createRefresh({
    fetchMetadata: async (request) => await fetchMetadata(client, packagistUrl, request),
    snapshots,
    log,
    async knownDocument(document) {
      const known = await readCurrentDocument(db, document)
      return {
        streamVersion: known?.stream_version ?? 0,
        sha256: known?.sha256 ?? undefined,
        lastModified: known?.last_modified ?? undefined,
      }
    },
    until: projector.until,
    now,
    logger,
  })
  return createCurrentDocument({
    currentState: async (document) => await readCurrentDocument(db, document),
    refresh,
    now,
    metadataTtlSeconds,
    unknownNames: createUnknownNames(() => msOfInstant(now())),
  })
}

function buildOpenArchive(parts: Parts, current: CurrentDocument): OpenArchive {
  const { config, outside, upstream, db, log, projector } = parts
  const { packagistUrl, distHosts, upstreamTimeoutSeconds } = config
  const guard = createAddressGuard(packagistUrl, distHosts)
  const timeouts = archiveTimeouts(upstreamTimeoutSeconds * 1000)
  const client = upstream.client({ guard, timeouts })
  return createOpenArchive({
    storedArchive: async (request) => await readArchive(db, request),
    knownReference: async (request) => await readReference(db, request),
    async refreshPackage(packageName) {
      await current(documentName(packageName, 'tags'))
      await current(documentName(packageName, 'branches'))
    },
    isAllowed: guard.isAllowed,
    download: async (url, file) => await downloadArchive(client, { url, path: file }),
    blobs: createLargeObjectStore(db),
    log,
    until: projector.until,
    stagingDirectory: path.join(outside.dataDirectory, 'staging'),
    now: outside.now,
    logger: outside.logger,
  })
}

/** Upstream's root file names where these are; nothing but its operator can put a URL there. */
function buildRelay({ config, upstream, snapshots }: Parts, current: CurrentDocument): Relay {
  const { packagistUrl, upstreamTimeoutSeconds } = config
  const timeouts = metadataTimeouts(upstreamTimeoutSeconds * 1000)
  return async (question) => {
    const { sha256 } = await current(rootDocument)
    const root = parseRootFile(await snapshots.get(sha256))
    const template = upstreamEndpoints(root, packagistUrl)[question.endpoint]
    if (template === undefined) return undefined
    const guard = createAddressGuard(packagistUrl, [new URL(template).host])
    const client = upstream.client({ guard, timeouts })
    return await relayQuestion(client, template, question)
  }
}

function asExpectedFailure(error: unknown): unknown {
  if (!isConnectionLoss(error)) return error
  const message = 'the database does not answer; try again shortly'
  return new AppError('database_unavailable', message, { cause: error })
}

async function readiness({ db, projector }: Parts, draining: boolean): Promise<Readiness> {
  const stopped = projector.status().filter(({ state }) => state === 'stopped')
  const database = await sql`select 1`.execute(db).then(
    () => 'ok',
    () => 'no answer',
  )
  const checks = {
    database,
    projections:
      stopped.length === 0
        ? 'ok'
        : stopped.map(({ name, error }) => `${name}: ${error}`).join('; '),
    server: draining ? 'shutting down' : 'ok',
  }
  return { ready: Object.values(checks).every((check) => check === 'ok'), checks }
}
