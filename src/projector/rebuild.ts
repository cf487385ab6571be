import { sql } from 'kysely'
import type { Db } from '../database/schema.ts'
import type { EventLog } from '../events/log.ts'
import {
  applyBatch,
  applyEvents,
  createBuild,
  moveCheckpoints,
  readCheckpoint,
} from './checkpoint.ts'
import { type Projection, type ProjectionSources, schemaOf } from './projection.ts'

export interface Rebuild {
  readonly db: Db
  readonly log: EventLog
  readonly projection: Projection
  readonly sources: ProjectionSources
}

const batchEventsMax = 1000

/**
 * Builds a read model anew from the whole log, beside the live one, and puts it in its place.
 *
 * The live one serves and advances meanwhile, on any number of nodes. Returns how many events were
 * applied. A crash leaves the live one as it was, and an unused schema that the next rebuild replaces.
 */
export async function rebuild({ db, log, ...parts }: Rebuild): Promise<number> {
  const { projection } = parts
  const live = schemaOf(projection)
  const shadow = `${live}_rebuild`
  const build = { ...parts, schema: shadow }
  await db.transaction().execute(async (tx) => await createBuild(tx, projection, shadow))
  let position = 0n
  let applied = 0
  for (;;) {
    const events = await log.read(position, batchEventsMax)
    applied += events.length
    position = await applyBatch(db, { ...build, events, after: position })
    if (events.length < batchEventsMax) break
  }
  return await db.transaction().execute(async (tx) => {
    // Holding the live checkpoint stops the live build here; it goes on in the new tables.
    const livePosition = (await readCheckpoint(tx, live, { lock: true })) ?? 0n
    while (position < livePosition) {
      const events = await log.read(position, batchEventsMax)
      const missing = events.filter((event) => event.position <= livePosition)
      await applyEvents(tx, build, missing)
      applied += missing.length
      position = missing.at(-1)?.position ?? livePosition
    }
    await sql`drop schema ${sql.id(live)} cascade`.execute(tx)
    await sql`alter schema ${sql.id(shadow)} rename to ${sql.id(live)}`.execute(tx)
    await tx.deleteFrom('projection_checkpoint').where('schema_name', '=', shadow).execute()
    await moveCheckpoints(tx, [live], position)
    return applied
  })
}
