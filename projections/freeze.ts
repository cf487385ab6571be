import { sql } from 'kysely'
import type { Database, Db, Tx } from '../src/database/schema.ts'
import type { RecordedEvent } from '../src/events/types.ts'
import type { Projection } from '../src/projector/projection.ts'

/** A freeze of a package, over or not. */
export type PackageFreeze = Readonly<Database['package_freeze']>

/** Every freeze that ever was, by the positions between which it was in force. */
export const freeze: Projection = {
  name: 'freeze',
  version: 1,

  async createTables(tx) {
    await sql`
      create table package_freeze (
        package_name      text        not null,
        position          bigint      not null,
        at                timestamptz not null,
        frozen_at         timestamptz not null,
        actor             text        not null,
        reason            text,
        unfrozen_position bigint,
        primary key (package_name, position)
      )`.execute(tx)
    await sql`
      create unique index package_frozen on package_freeze (package_name)
        where unfrozen_position is null`.execute(tx)
  },

  async apply(tx, event) {
    if (event.type !== 'PackageFrozen' && event.type !== 'PackageUnfrozen') return
    await end(tx, event)
    if (event.type === 'PackageFrozen') await begin(tx, event)
  },
}

type Frozen = Extract<RecordedEvent, { readonly type: 'PackageFrozen' }>
type Unfrozen = Extract<RecordedEvent, { readonly type: 'PackageUnfrozen' }>

async function end(tx: Tx, { data, position }: Frozen | Unfrozen): Promise<void> {
  await tx
    .updateTable('package_freeze')
    .set({ unfrozen_position: position })
    .where('package_name', '=', data.packageName)
    .where('unfrozen_position', 'is', null)
    .execute()
}

async function begin(tx: Tx, { data, position, recordedAt }: Frozen): Promise<void> {
  await tx
    .insertInto('package_freeze')
    .values({
      package_name: data.packageName,
      position,
      at: data.at ?? recordedAt,
      frozen_at: recordedAt,
      actor: data.actor,
      reason: data.reason ?? null,
      unfrozen_position: null,
    })
    .execute()
}

/** Those in force. Index: package_frozen, all of it. */
export async function readFrozen(db: Db): Promise<readonly PackageFreeze[]> {
  return await db
    .selectFrom('package_freeze')
    .selectAll()
    .where('unfrozen_position', 'is', null)
    .orderBy('package_name')
    .execute()
}
