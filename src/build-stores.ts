import type { Pool } from 'pg'
import type { Logger } from 'pino'
import { projections } from '../projections/index.ts'
import { prepareStaging, stagingIn } from './archives/staging.ts'
import { openDatabase } from './database/client.ts'
import { migrate } from './database/migrate.ts'
import type { Db } from './database/schema.ts'
import { createDigestion, digestIfReadable, type Digestion } from './digestion/digestion.ts'
import type { EventLog } from './events/log.ts'
import { createPostgresLog } from './events/postgres.ts'
import type { Position } from './events/types.ts'
import { createKeptAnswers, type KeptAnswers } from './projector/kept-answers.ts'
import { schemaOf } from './projector/projection.ts'
import { type Projector, startProjector } from './projector/run.ts'
import { createSnapshotStore, type SnapshotStore } from './snapshots/store.ts'
import { observedLog } from './telemetry/observed-log.ts'
import type { Observer } from './telemetry/observer.ts'
import { type Instant, msOfInstant } from './time-machine/instant.ts'

/** What keeps data, open and up to date. */
export interface Stores {
  readonly db: Db
  readonly pool: Pool
  readonly log: EventLog
  readonly snapshots: SnapshotStore
  readonly digestion: Digestion
  readonly projector: Projector
  readonly kept: KeptAnswers
  readonly headAtStart: Position
}

interface StoresParts {
  readonly outside: {
    readonly databaseUrl: string
    readonly dataDirectory: string
    readonly logger: Logger
    readonly now: () => Instant
    readonly logClock?: () => Instant
  }
  readonly observer: Observer
}

/** The part of the composition root that is about the database and what is in it. */
export async function openStores({ outside, observer }: StoresParts): Promise<Stores> {
  const { databaseUrl, logger } = outside
  const { db, pool } = openDatabase({
    connectionString: databaseUrl,
    logger,
    schemas: projections.map(schemaOf),
  })
  await migrate(db)
  await prepareStaging(stagingIn(outside.dataDirectory), msOfInstant(outside.now()))
  const now = outside.logClock === undefined ? {} : { now: outside.logClock }
  const log = observedLog(createPostgresLog({ db, ...now }), observer)
  const snapshots = createSnapshotStore(db, observer.corruptionFound)
  const digestion = createDigestion()
  let started: Projector | undefined
  const shownUntilMs = (): number => started?.shownUntilMs() ?? Number.NEGATIVE_INFINITY
  const kept = createKeptAnswers({ now: outside.now, shownUntilMs })
  const projector = await startProjector({
    db,
    log,
    projections,
    sources: { snapshot: snapshots.get, digest: digestIfReadable(digestion.digest) },
    logger,
    onShown: kept.forget,
  })
  started = projector
  const headAtStart = await catchUp({ log, projector, logger })
  return { db, pool, log, snapshots, digestion, projector, kept, headAtStart }
}

/** Waits a little: a new version of a read model may take minutes, and until then /readyz says so. */
async function catchUp({
  log,
  projector,
  logger,
}: Pick<Stores, 'log' | 'projector'> & { readonly logger: Logger }): Promise<Position> {
  const head = await log.head()
  await projector.until(head).catch((error: unknown) => {
    logger.warn({ err: error }, 'read models are still being built')
  })
  return head
}
