import { sql } from 'kysely'
import type { Db, Tx } from '../database/schema.ts'
import type { Position, RecordedEvent } from '../events/types.ts'
import { type Projection, type ProjectionSources, schemaOf } from './projection.ts'

/** Position up to which the build in `schema` has come; undefined when there is no such build. */
export async function readCheckpoint(
  db: Db | Tx,
  schema: string,
  { lock = false } = {},
): Promise<Position | undefined> {
  const query = db
    .selectFrom('projection_checkpoint')
    .select('position')
    .where('schema_name', '=', schema)
  const row = await (lock ? query.forUpdate() : query).executeTakeFirst()
  return row?.position
}

/** Creates the live build of a projection if it isn't there; several nodes may do so at once. */
export async function ensureBuild(db: Db, projection: Projection): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtext('almanac projection builds'))`.execute(tx)
    if ((await readCheckpoint(tx, schemaOf(projection))) !== undefined) return
    await createBuild(tx, projection, schemaOf(projection))
  })
}

/** An empty build in a new schema; one left half-made by a crash is replaced. */
export async function createBuild(tx: Tx, projection: Projection, schema: string): Promise<void> {
  await sql`drop schema if exists ${sql.id(schema)} cascade`.execute(tx)
  await sql`create schema ${sql.id(schema)}`.execute(tx)
  await enterSchema(tx, schema)
  await projection.createTables(tx)
  await tx
    .insertInto('projection_checkpoint')
    .values({ schema_name: schema, position: 0n })
    .onConflict((conflict) => conflict.column('schema_name').doUpdateSet({ position: 0n }))
    .execute()
}

/** For the rest of the transaction, unqualified names are looked up in `schema` first. */
export async function enterSchema(tx: Tx, schema: string): Promise<void> {
  await sql`set local search_path to ${sql.id(schema)}, public`.execute(tx)
}

export interface Batch {
  readonly projection: Projection
  readonly schema: string
  /** In log order, all after `after`. */
  readonly events: readonly RecordedEvent[]
  /** Where the caller believes the build to be. */
  readonly after: Position
  readonly sources: ProjectionSources
}

/**
 * Applies a batch and moves the checkpoint in one transaction. Returns where the build is now: when
 * another node got there first nothing is applied, and the answer is that node's position.
 */
export async function applyBatch(db: Db, batch: Batch): Promise<Position> {
  const { projection, schema, events, after, sources } = batch
  return await db.transaction().execute(async (tx) => {
    const position = await readCheckpoint(tx, schema, { lock: true })
    if (position === undefined) throw new Error(`the read model ${schema} is not there any more`)
    if (position !== after) return position
    await enterSchema(tx, schema)
    for (const event of events) await projection.apply(tx, event, sources)
    return await moveCheckpoint(tx, schema, events.at(-1)?.position ?? after)
  })
}

export async function moveCheckpoint(
  tx: Tx,
  schema: string,
  position: Position,
): Promise<Position> {
  await tx
    .updateTable('projection_checkpoint')
    .set({ position })
    .where('schema_name', '=', schema)
    .execute()
  return position
}
