import { sourcesOf } from './sources.ts'
import { pino } from 'pino'
import { projections } from '../../projections/index.ts'
import { openDatabase } from '../../src/database/client.ts'
import type { Db } from '../../src/database/schema.ts'
import type { EventLog } from '../../src/events/log.ts'
import { createPostgresLog } from '../../src/events/postgres.ts'
import { applyBatch, ensureBuild, readCheckpoint } from '../../src/projector/checkpoint.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { createSnapshotStore, type SnapshotStore } from '../../src/snapshots/store.ts'
import { createClock, type TestClock } from './clock.ts'
import { dumpSchema } from './dump.ts'
import { createTestDatabase } from './postgres.ts'

/** All of them over a log, which they follow when they are told to. */
export interface ReadModels {
  readonly db: Db
  readonly clock: TestClock
  readonly log: EventLog
  readonly snapshots: SnapshotStore
  readonly close: () => Promise<void>
}

export async function openReadModels(): Promise<ReadModels> {
  const database = await createTestDatabase()
  const schemas = projections.map(schemaOf)
  const logger = pino({ level: 'silent' })
  const { db } = openDatabase({ connectionString: database.url, logger, schemas })
  const clock = createClock()
  for (const projection of projections) await ensureBuild(db, projection)
  return {
    db,
    clock,
    log: createPostgresLog({ db, now: clock.now }),
    snapshots: createSnapshotStore(db),
    async close() {
      await db.destroy()
      await database.close()
    },
  }
}

/** Catches the live builds up in batches of these sizes, in turn. */
export async function applyInBatches(
  { db, log, snapshots }: ReadModels,
  sizes: readonly number[],
): Promise<void> {
  for (const projection of projections) {
    const schema = schemaOf(projection)
    for (let turn = 0; ; turn++) {
      const after = (await readCheckpoint(db, schema)) ?? 0n
      const events = await log.read(after, sizes[turn % sizes.length] ?? 1)
      if (events.length === 0) break
      const sources = sourcesOf(snapshots.get)
      await applyBatch(db, { projection, schema, events, after, sources })
    }
  }
}

export async function dumpAll(db: Db): Promise<unknown> {
  return await Promise.all(
    projections.map(async (projection) => await dumpSchema(db, schemaOf(projection))),
  )
}
