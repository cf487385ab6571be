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
import { watchCatchingUp } from './projector/watch.ts'
import { createSnapshotStore, type SnapshotStore } from './snapshots/store.ts'
import { observedLog } from './telemetry/observed-log.ts'
import type { Observer } from './telemetry/observer.ts'
import type { Step } from './terminal/progress.ts'
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
    readonly report?: (step: Step) => void
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
  const report = outside.report ?? (() => undefined)
  await migrate(db, (done, total) =>
    report({ what: 'bringing the tables up to date', done, total }),
  ).catch(async (error: unknown) => {
    await db.destroy()
    throw error
  })
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
  const headAtStart = await log.head()
  const endWatch = watchCatchingUp({
    projector,
    head: headAtStart,
    onProgress: (done, total) => report({ what: 'building read models', done, total }),
  })
  await catchUp(headAtStart, { projector, logger })
  const watched = {
    ...projector,
    async stop() {
      endWatch()
      await projector.stop()
    },
  }
  return { db, pool, log, snapshots, digestion, projector: watched, kept, headAtStart }
}

/** Waits a little: a new version of a read model may take minutes, and until then /readyz says so. */
async function catchUp(
  head: Position,
  { projector, logger }: Pick<Stores, 'projector'> & { readonly logger: Logger },
): Promise<void> {
  await projector.waitFor(head).catch(() => {
    logger.warn('read models are still being built: until then /readyz says so')
  })
}

export async function closeStores({ projector, digestion, db }: Stores): Promise<void> {
  await projector.stop()
  await digestion.close()
  await db.destroy()
}
