import { sql } from 'kysely'
import { filterSummary, type PackageName } from '../src/composer/names.ts'
import type { Database, Db, Tx } from '../src/database/schema.ts'
import type { RecordedEvent } from '../src/events/types.ts'
import type { Projection } from '../src/projector/projection.ts'

/** Versions of a package that may not be served, now. */
export type VersionRule = Readonly<Database['version_rule']>

/** What is blocked, and of which packages anything ever was: their dates stay special. */
export const versionRule: Projection = {
  name: 'version_rule',
  version: 2,

  async createTables(tx) {
    // The constraint of a list can be too long for an index.
    await sql`
      create table version_rule (
        package_name text        not null,
        list         text        not null check (list in ('malware', 'own')),
        position     bigint      not null,
        "constraint" text        not null,
        reason       text,
        actor        text,
        since        timestamptz not null,
        primary key (package_name, list, position)
      )`.execute(tx)
    await sql`create table ruled_package (package_name text primary key)`.execute(tx)
  },

  async apply(tx, event, { snapshot, digest }) {
    if (event.type === 'VersionsBlocked') await block(tx, event)
    else if (event.type === 'VersionsUnblocked') await unblock(tx, event.data)
    else if (event.type === 'MetadataChanged' && event.data.document === filterSummary) {
      const body = await snapshot(event.data.sha256)
      // When it can't be read, what the last one said stays.
      const list = await digest('malware', body, undefined)
      if (list !== undefined) await follow(tx, event, list.constraints)
    }
  },
}

type EventOf<Type extends RecordedEvent['type']> = Extract<RecordedEvent, { readonly type: Type }>

async function block(
  tx: Tx,
  { data, position, recordedAt }: EventOf<'VersionsBlocked'>,
): Promise<void> {
  await unblock(tx, data)
  await tx
    .insertInto('version_rule')
    .values({
      package_name: data.packageName,
      list: 'own',
      position,
      constraint: data.constraint,
      reason: data.reason ?? null,
      actor: data.actor,
      since: recordedAt,
    })
    .execute()
  await tx
    .insertInto('ruled_package')
    .values({ package_name: data.packageName })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

async function unblock(
  tx: Tx,
  {
    packageName,
    constraint,
  }: Pick<EventOf<'VersionsUnblocked'>['data'], 'packageName' | 'constraint'>,
): Promise<void> {
  let rules = tx
    .deleteFrom('version_rule')
    .where('package_name', '=', packageName)
    .where('list', '=', 'own')
  if (constraint !== undefined) rules = rules.where('constraint', '=', constraint)
  await rules.execute()
}

/** What the list still says stays as it is, since when it did. */
async function follow(
  tx: Tx,
  { position, recordedAt }: EventOf<'MetadataChanged'>,
  listed: ReadonlyMap<PackageName, string>,
): Promise<void> {
  const now = sql`
    unnest(${[...listed.keys()]}::text[], ${[...listed.values()]}::text[])
      as listed (package_name, version_constraint)`
  await sql`
    delete from version_rule r where list = 'malware' and not exists (
      select from ${now}
      where listed.package_name = r.package_name and listed.version_constraint = r."constraint"
    )`.execute(tx)
  await sql`
    insert into version_rule (package_name, list, position, "constraint", since)
    select package_name, 'malware', ${position}, version_constraint, ${recordedAt} from ${now}
    where not exists (
      select from version_rule r
      where r.package_name = listed.package_name and r.list = 'malware'
    )`.execute(tx)
  await sql`
    insert into ruled_package select package_name from ${now} on conflict do nothing`.execute(tx)
}

/** Of one package. Index: primary key. */
export async function readRules(db: Db, packageName: PackageName): Promise<readonly VersionRule[]> {
  return await db
    .selectFrom('version_rule')
    .selectAll()
    .where('package_name', '=', packageName)
    .orderBy('list')
    .orderBy('position')
    .execute()
}

/** Reads all of version_rule. */
export async function readAllRules(db: Db): Promise<readonly VersionRule[]> {
  return await db
    .selectFrom('version_rule')
    .selectAll()
    .orderBy('package_name')
    .orderBy('list')
    .orderBy('position')
    .execute()
}
