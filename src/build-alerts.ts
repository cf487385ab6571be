import { statfs } from 'node:fs/promises'
import type { Logger } from 'pino'
import {
  readAlert,
  readAlertPosition,
  readAlerts,
  readOpenConditions,
  readUndelivered,
} from '../projections/alert-queries.ts'
import { alert } from '../projections/alert.ts'
import { readCacheTotal } from '../projections/blob-use-queries.ts'
import { readCurrentDocument, readFollowedFeed } from '../projections/document-queries.ts'
import { readLostVersions } from '../projections/private-package.ts'
import { acknowledge } from './alerts/acknowledge.ts'
import { alertOf } from './alerts/alert.ts'
import type { Refusals } from './archives/refusals.ts'
import type { TokenGuesses } from './access/token-guesses.ts'
import {
  cacheFindings,
  type DiskSpace,
  diskFindings,
  guessFindings,
  feedFindings,
  lostArchiveFindings,
  opensAfterSeconds,
  projectionFindings,
  type ProjectionSight,
  refusalFindings,
  upstreamFindings,
} from './alerts/conditions.ts'
import { createDeliver } from './alerts/deliver.ts'
import { createDeliveries } from './alerts/deliveries.ts'
import { sendWebhook, type Webhook } from './alerts/send-webhook.ts'
import { createWatch, type Look } from './alerts/watch.ts'
import { rootDocument } from './composer/names.ts'
import { upstreamEndpoints } from './composer/packages-json.ts'
import { parseRootFile } from './composer/root-file.ts'
import type { Config } from './config.ts'
import type { Db } from './database/schema.ts'
import type { EventLog } from './events/log.ts'
import { feedStream, type Position } from './events/types.ts'
import type { AlertsDeps } from './http/admin/alerts.ts'
import type { RunningJob, startJob } from './jobs/every.ts'
import { startSharedJob } from './jobs/shared-job.ts'
import { type Projector, waitingFor } from './projector/run.ts'
import type { SnapshotStore } from './snapshots/store.ts'
import { addSeconds, type Instant } from './time-machine/instant.ts'
import { createAddressGuard } from './upstream/address-guard.ts'
import { createProxyAgents, type ProxyFor } from './upstream/proxies.ts'
import type { Upstream } from './upstream/client.ts'

interface AlertsParts {
  readonly config: Config
  readonly outside: {
    readonly dataDirectory: string
    readonly logger: Logger
    readonly now: () => Instant
    readonly proxyFor?: ProxyFor
    readonly random: () => number
    readonly startJob?: typeof startJob
    readonly diskSpace?: () => Promise<DiskSpace>
  }
  readonly upstream: Upstream
  readonly db: Db
  readonly log: EventLog
  readonly snapshots: SnapshotStore
  readonly projector: Projector
  readonly guesses: Pick<TokenGuesses, 'guessers'>
  readonly refusals: Pick<Refusals, 'hosts'>
}

export interface Alerts {
  readonly alerts: AlertsDeps
  readonly startJobs: () => RunningJob
}

const watchIntervalSeconds = 15
const webhookIntervalSeconds = 5
/** Resolved alerts are shown for this time without being asked for. */
const recentSeconds = 7 * 86_400
const alertsShownMax = 1_000
const transitionsPerRunMax = 1_000
/** Each is an alert of its own; after a restore without archives it could be every version there is. */
const lostVersionsShownMax = 20

/** The part of the composition root that is about alerts. */
export function buildAlerts(parts: AlertsParts): Alerts {
  const { config, outside, db } = parts
  const { alertWebhook } = config
  return {
    alerts: buildRoutesDeps(parts),
    startJobs() {
      const watching = startSharedJob(
        { name: 'alerts', intervalSeconds: watchIntervalSeconds, run: buildWatch(parts) },
        { ...outside, db },
      )
      const telling = alertWebhook === undefined ? undefined : startWebhookJob(parts, alertWebhook)
      return {
        async stop() {
          await Promise.all([watching.stop(), telling?.stop()])
        },
      }
    },
  }
}

function buildRoutesDeps({ outside, db, log, projector }: AlertsParts): AlertsDeps {
  return {
    async alerts({ state, since: changedSince }) {
      // Before the rows, so that they are never older than is said.
      const position = await readAlertPosition(db)
      const rows = await readAlerts(db, {
        state: state ?? 'all',
        resolvedSince: state === undefined ? addSeconds(outside.now(), -recentSeconds) : undefined,
        changedSince,
        limit: alertsShownMax,
      })
      const own = projector.status().find(({ name }) => name === alert.name)
      return {
        alerts: rows.map(alertOf),
        asOf: await recordedAt(log, position),
        behind: position < (await log.head()),
        stopped: own?.state === 'stopped',
      }
    },
    acknowledge: async (acknowledgement) =>
      await acknowledge(acknowledgement, {
        storedAlert: async (id) => await readAlert(db, id),
        log,
        until: waitingFor(projector, 'alert'),
      }),
  }
}

async function recordedAt(log: EventLog, position: Position): Promise<Instant | undefined> {
  if (position === 0n) return undefined
  const [event] = await log.read(position - 1n, 1)
  return event?.recordedAt
}

function buildWatch(parts: AlertsParts): () => Promise<void> {
  const { config, outside, db, log, projector } = parts
  return createWatch({
    looks: [lookAtUpstream(parts), lookAtRefusals(parts), lookAtFeed(parts), ...looksInside(parts)],
    async openConditions() {
      const rows = await readOpenConditions(db)
      return rows.map(({ code, subject, last_seen_at }) => {
        return { code, subject, lastSeenAt: last_seen_at }
      })
    },
    log,
    until: waitingFor(projector, 'alert'),
    opensAfterSeconds: (code) => opensAfterSeconds(code, config.cleanupIntervalSeconds),
    now: outside.now,
    logger: outside.logger,
  })
}

function lookAtUpstream({ config, upstream }: AlertsParts): Look {
  const guard = createAddressGuard(config.packagistUrl, config.distOrigins)
  return {
    codes: ['upstream_failing', 'upstream_rate_limiting'],
    look: async (open) =>
      upstreamFindings(upstream.breakers(), {
        open,
        mayBeAsked: (origin) => guard.refusalOf(origin) === undefined,
      }),
  }
}

function lookAtRefusals({ config, refusals }: AlertsParts): Look {
  const guard = createAddressGuard(config.packagistUrl, config.distOrigins)
  const mayBeAsked = (host: string): boolean =>
    ['https', 'http'].some((scheme) => guard.refusalOf(`${scheme}://${host}`) === undefined)
  return {
    codes: ['archives_refused'],
    look: async (open) => refusalFindings(refusals.hosts(), { open, mayBeAsked }),
  }
}

function lookAtFeed({ config, outside, upstream, db, snapshots }: AlertsParts): Look {
  const { packagistUrl, feedIntervalSeconds: intervalSeconds, proxyEnabled } = config
  const { origin } = new URL(packagistUrl)
  /** Read as it was recorded: a look must not wait for upstream. */
  async function isNamed(): Promise<boolean> {
    const sha256 = (await readCurrentDocument(db, rootDocument))?.sha256 ?? undefined
    if (sha256 === undefined) return false
    const root = parseRootFile(await snapshots.get(sha256))
    return upstreamEndpoints(root, packagistUrl).metadataChanges !== undefined
  }
  return {
    codes: ['feed_lagging'],
    async look() {
      if (!proxyEnabled || intervalSeconds === 0) return { holds: [], unknown: [] }
      const { last } = await readFollowedFeed(db, feedStream(packagistUrl))
      const sight = { origin, lastReadAt: last?.readAt, intervalSeconds, now: outside.now() }
      const breaker = upstream.breakers().get(origin)
      return feedFindings({ ...sight, isNamed: await isNamed() }, breaker)
    },
  }
}

function looksInside(parts: AlertsParts): readonly Look[] {
  const { config, outside, db, log, projector, guesses } = parts
  const { diskSpace = async () => await diskSpaceOf(outside.dataDirectory) } = outside
  return [
    {
      codes: ['cache_over_limit'],
      look: async () =>
        cacheFindings((await readCacheTotal(db)).size_bytes, config.maxCacheSizeBytes),
    },
    {
      codes: ['disk_nearly_full'],
      look: async (open) => diskFindings(await diskSpace(), open),
    },
    {
      codes: ['private_archive_lost'],
      async look() {
        const lost = await readLostVersions(db, lostVersionsShownMax)
        return lostArchiveFindings(
          lost.map(({ package_name: packageName, ...rest }) => ({ packageName, ...rest })),
        )
      },
    },
    {
      codes: ['token_guesses'],
      look: async () => guessFindings(guesses.guessers()),
    },
    {
      codes: ['projection_stopped'],
      async look() {
        const sights = projector.status().map(async (status): Promise<ProjectionSight> => {
          const [next] = await log.read(status.position, 1)
          return { ...status, behindSince: next?.recordedAt }
        })
        return projectionFindings(await Promise.all(sights), outside.now())
      },
    },
  ]
}

async function diskSpaceOf(directory: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(directory)
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}

function startWebhookJob({ outside, db }: AlertsParts, webhook: Webhook): RunningJob {
  const { now, logger, proxyFor = () => undefined } = outside
  const agents = createProxyAgents(proxyFor)(new URL(webhook.url))
  const deliver = createDeliver({
    deliveries: createDeliveries(db),
    undelivered: async (since) => await readUndelivered(db, { since, limit: transitionsPerRunMax }),
    send: async (body, signal) => await sendWebhook(webhook, { body, now: now(), signal, agents }),
    now,
    logger,
  })
  return startSharedJob(
    {
      name: 'alert webhook',
      intervalSeconds: webhookIntervalSeconds,
      run: async ({ signal }) => await deliver(signal),
    },
    { ...outside, db },
  )
}
