import { sql } from 'kysely'
import type { Db, Tx } from '../database/schema.ts'
import { isReadBy } from '../events/concerns.ts'
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
async function enterSchema(tx: Tx, schema: string): Promise<void> {
  await sql`set local search_path to ${sql.id(schema)}, public`.execute(tx)
}

/** A read model as it is built in a schema. */
export interface Build {
  readonly projection: Projection
  readonly schema: string
  readonly sources: ProjectionSources
}

/** The next events of the log. */
export interface Batch {
  /** In log order, all after `after`. */
  readonly events: readonly RecordedEvent[]
  /** Where the caller believes the builds to be. */
  readonly after: Position
}

/**
 * Applies a batch and moves the checkpoint in one transaction. Returns where the build is now: when
 * another node got there first nothing is applied, and the answer is that node's position.
 */
export async function applyBatch(db: Db, batch: Build & Batch): Promise<Position> {
  const { schema, events, after } = batch
  return await db.transaction().execute(async (tx) => {
    const position = await readCheckpoint(tx, schema, { lock: true })
    if (position === undefined) throw new Error(`the read model ${schema} is not there any more`)
    if (position !== after) return position
    await applyEvents(tx, batch, events)
    const last = events.at(-1)?.position ?? after
    await moveCheckpoints(tx, [schema], last)
    return last
  })
}

/**
 * Applies a batch to many builds, and moves their checkpoints, in one transaction: what an event does is seen in all of
 * them at once. A build whose checkpoint another transaction holds is left out rather than waited for, so nodes can't
 * deadlock and none stalls the others; one that is elsewhere is left where it is.
 *
 * @returns where each build is that wasn't left out, by its schema.
 */
export async function applyTogether(
  db: Db,
  { builds, events, after }: Batch & { readonly builds: readonly Build[] },
): Promise<ReadonlyMap<string, Position>> {
  const last = events.at(-1)?.position ?? after
  return await db.transaction().execute(async (tx) => {
    const positions = new Map<string, Position>()
    const moved: string[] = []
    for (const { schema, position } of await lockFree(tx, builds)) {
      positions.set(schema, position)
      if (position >= after && position < last) moved.push(schema)
    }
    for (const build of builds.filter(({ schema }) => moved.includes(schema))) {
      const position = positions.get(build.schema) ?? after
      await applyEvents(
        tx,
        build,
        events.filter((event) => event.position > position),
      )
      positions.set(build.schema, last)
    }
    await moveCheckpoints(tx, moved, last)
    return positions
  })
}

/** Locks the checkpoints that nobody holds, in one order on every node. */
async function lockFree(tx: Tx, builds: readonly Build[]) {
  return await tx
    .selectFrom('projection_checkpoint')
    .select(['schema_name as schema', 'position'])
    .where(
      'schema_name',
      'in',
      builds.map(({ schema }) => schema),
    )
    .orderBy('schema_name')
    .forUpdate()
    .skipLocked()
    .execute()
}

/** Applies those of the events that the build is folded from, in the caller's transaction. */
export async function applyEvents(
  tx: Tx,
  { projection, schema, sources }: Build,
  events: readonly RecordedEvent[],
): Promise<void> {
  const wanted = events.filter(({ type }) => isReadBy(projection.name, type))
  if (wanted.length === 0) return
  await enterSchema(tx, schema)
  for (const event of wanted) await projection.apply(tx, event, sources)
}

/** @param schemas may be none. */
export async function moveCheckpoints(
  tx: Tx,
  schemas: readonly string[],
  position: Position,
): Promise<void> {
  if (schemas.length === 0) return
  await tx
    .updateTable('projection_checkpoint')
    .set({ position })
    .where('schema_name', 'in', schemas)
    .execute()
}
