import { hasPublicPackages } from '../projections/document-queries.ts'
import { readInstalls } from '../projections/install.ts'
import { tokenIdIn } from './access/principal.ts'
import type { Tokens } from './access/tokens.ts'
import type { Config } from './config.ts'
import type { Db } from './database/schema.ts'
import { readDiffering } from '../projections/archive.ts'
import { readTokenNames } from '../projections/token.ts'
import { type AcceptArchive, createAcceptArchive } from './archives/accept.ts'
import { acceptArchiveRoute } from './http/admin/archives.ts'
import { blockRoutes } from './http/admin/blocks.ts'
import { freezeRoutes } from './http/admin/freeze.ts'
import { alertRoutes, type AlertsDeps } from './http/admin/alerts.ts'
import { purgeRoutes } from './http/admin/purge.ts'
import { proxyStats } from './http/admin/stats.ts'
import { proxyStatus } from './http/admin/status.ts'
import { auditInstalls, type InstallQuery, type InstallsDeps } from './http/audit/installs.ts'
import { tokenRoutes } from './http/admin/tokens.ts'
import type { Route } from './http/route.ts'
import type { EventLog } from './events/log.ts'
import type { Blocks } from './blocks.ts'
import type { Freezes } from './freezes.ts'
import type { DescribeKeptOut } from './kept-out.ts'
import type { NameLists } from './metadata/name-lists.ts'
import { type Projector, waitingFor } from './projector/run.ts'
import type { Installs } from './private/installs.ts'
import type { IsReserved } from './private/reserved.ts'
import type { Purge } from './purge.ts'
import { readStats } from './stats.ts'
import { readStatus } from './status.ts'
import type { Instant } from './time-machine/instant.ts'
import type { Upstream } from './upstream/client.ts'

interface AdminParts {
  readonly config: Config
  readonly db: Db
  readonly outside: { readonly now: () => Instant }
  readonly log: EventLog
  readonly projector: Projector
  readonly upstream: Upstream
  readonly nameLists: NameLists
  readonly purge: Purge
  readonly freezes: Freezes
  readonly blocks: Blocks
  readonly keptOut: DescribeKeptOut
  readonly alerts: AlertsDeps
  readonly tokens: Tokens
  readonly installs: Installs
  readonly isReserved: IsReserved
}

async function installsOf(db: Db, query: InstallQuery): ReturnType<InstallsDeps['readInstalls']> {
  const rows = await readInstalls(db, query)
  const tokenIds = new Set(rows.flatMap(({ actor }) => tokenIdIn(actor) ?? []))
  const names = await readTokenNames(db, [...tokenIds])
  return rows.map(({ package_name, version_normalized, day, actor, count, last_at }) => ({
    package: package_name,
    versionNormalized: version_normalized,
    day,
    actor,
    tokenName: names.get(tokenIdIn(actor) ?? '') ?? null,
    count: Number(count),
    lastAt: last_at,
  }))
}

/** @returns up to when all that this node was told is in the read model. */
async function bringInstallsUpToDate(parts: AdminParts): Promise<Instant> {
  const { installs, log, projector, outside } = parts
  const begun = outside.now()
  await installs.flush(log, true)
  const unrecorded = installs.unrecordedSince() ?? begun
  await waitingFor(projector, 'install')(await log.head())
  return unrecorded < begun ? unrecorded : begun
}

function buildAcceptArchive({ db, log, projector }: AdminParts): AcceptArchive {
  return createAcceptArchive({
    differing: async (packageName, reference) => await readDiffering(db, packageName, reference),
    log,
    until: waitingFor(projector, 'archive'),
  })
}

/** The part of the composition root that is about the admin API: one list a file of `http/admin`. */
export function buildAdmin(parts: AdminParts): readonly Route[] {
  const { now } = parts.outside
  const startedAt = now()
  const { purge, freezes, blocks, keptOut, alerts, tokens } = parts
  return [
    ...purgeRoutes(purge),
    acceptArchiveRoute(buildAcceptArchive(parts)),
    ...freezeRoutes({ ...freezes, keptOut: keptOut.byFreeze }),
    ...alertRoutes(alerts),
    ...tokenRoutes({
      ...tokens,
      hasVendor: async (vendor) =>
        (await parts.isReserved(vendor)) || (await hasPublicPackages(parts.db, vendor)),
    }),
    proxyStats({ now, readStats: async (from, to) => await readStats(parts.db, from, to) }),
    ...blockRoutes({ ...blocks, keptOut: keptOut.byBlock }),
    auditInstalls({
      bringUpToDate: async () => await bringInstallsUpToDate(parts),
      readInstalls: async (query) => await installsOf(parts.db, query),
    }),
    proxyStatus(async () => await readStatus({ ...parts, now, startedAt, frozen: freezes.list })),
  ]
}
