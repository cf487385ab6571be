import type { Logger } from 'pino'
import { hasPublicPackages } from '../projections/document-queries.ts'
import {
  readPrivatePackages,
  readPrivateVersions,
  readReservedByPublications,
} from '../projections/private-package.ts'
import type { BlobStore } from './archives/blobs.ts'
import { hasRoomIn, stagingIn } from './archives/staging.ts'
import type { Config } from './config.ts'
import type { Db } from './database/schema.ts'
import type { EventLog } from './events/log.ts'
import { openVendorRoute } from './http/admin/open-vendor.ts'
import { importRoute } from './http/packages/import.ts'
import { packageRoutes } from './http/packages/list.ts'
import { publishRoutes } from './http/packages/publish.ts'
import type { Route } from './http/route.ts'
import { createOpenVendor } from './private/open-vendor.ts'
import { createImport } from './private/publish/import.ts'
import { createPackages } from './private/publish/packages.ts'
import { createPublish } from './private/publish/publish.ts'
import type { Reserved } from './private/reserved.ts'
import { createWithdraw } from './private/publish/withdraw.ts'
import { type Projector, waitingFor } from './projector/run.ts'
import type { SnapshotStore } from './snapshots/store.ts'
import type { Instant } from './time-machine/instant.ts'

interface PrivateParts extends Reserved {
  readonly config: Pick<Config, 'privateVendors' | 'metricsToken'>
  readonly outside: {
    readonly dataDirectory: string
    readonly now: () => Instant
    readonly logger: Logger
    readonly hasRoomOnDisk?: (sizeBytes: number) => Promise<boolean>
  }
  readonly db: Db
  readonly log: EventLog
  readonly snapshots: SnapshotStore
  readonly projector: Projector
  readonly storedBlobs: BlobStore
}

/** The part of the composition root that is about packages of our own. */
export function buildPrivate(parts: PrivateParts): readonly Route[] {
  const { outside, db, log, snapshots, projector, storedBlobs } = parts
  const stagingDirectory = stagingIn(outside.dataDirectory)
  const staging = {
    stagingDirectory,
    hasRoomOnDisk:
      outside.hasRoomOnDisk ??
      (async (sizeBytes: number) => await hasRoomIn(stagingDirectory, sizeBytes)),
  }
  const until = waitingFor(projector, 'private_package', 'private_listing')
  const publishing = createPublish({
    ...staging,
    blobs: storedBlobs,
    snapshots,
    log,
    until,
    isReserved: parts.isReservedByNow,
    reservedNames: parts.reservedNames,
    hasPublicPackages: async (vendor) => await hasPublicPackages(db, vendor),
    async hasOpenMetrics() {
      if (parts.config.metricsToken !== undefined) return false
      return (await parts.reservedNames()).patterns.length === 0
    },
    now: outside.now,
    logger: outside.logger,
  })
  const packages = createPackages({
    packages: async () => await readPrivatePackages(db),
    versions: async (packageName) => await readPrivateVersions(db, packageName),
  })
  const openVendor = createOpenVendor({
    patterns: parts.config.privateVendors,
    published: async () => await readReservedByPublications(db),
    log,
    until: waitingFor(projector, 'private_package', 'document'),
  })
  const withdraw = createWithdraw({ log, until, snapshots })
  return [
    ...packageRoutes(packages),
    ...publishRoutes({ ...publishing, withdraw, now: outside.now }),
    openVendorRoute(openVendor),
    importRoute(createImport({ ...staging, ...publishing, now: outside.now })),
  ]
}
