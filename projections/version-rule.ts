import { sql } from 'kysely'
import { type FilterLists, mayHaveFilter } from '../src/composer/document-filter.ts'
import { malwareList } from '../src/composer/list-names.ts'
import { alternativesBeside } from '../src/composer/listed-constraints.ts'
import { filterSummary, packageOfDocument, type PackageName } from '../src/composer/names.ts'
import type { Database, Db, Tx } from '../src/database/schema.ts'
import type { RecordedEvent } from '../src/events/types.ts'
import type { Projection, ProjectionSources } from '../src/projector/projection.ts'

/** Versions of a package that may not be served, now. */
export type VersionRule = Readonly<Database['version_rule']>

/**
 * What is blocked, and of which packages anything ever was: their dates stay special. Upstream's lists of malware are in
 * its summary and in the documents of packages; what a document says is in force until the next one, or until a
 * summary that comes later leaves it out. Branches have documents of their own, where Composer doesn't look for it.
 */
export const versionRule: Projection = {
  name: 'version_rule',
  version: 3,

  async createTables(tx) {
    // The constraint of a list can be too long for an index.
    await sql`
      create table version_rule (
        package_name  text        not null,
        list          text        not null check (list in ('malware', 'own')),
        position      bigint      not null,
        entry         int         not null,
        from_document boolean     not null,
        "constraint"  text        not null,
        reason        text,
        url           text,
        id            text,
        source        text,
        actor         text,
        since         timestamptz not null,
        primary key (package_name, list, position, entry)
      )`.execute(tx)
    await sql`create index version_rule_from_document on version_rule (package_name)
      where from_document`.execute(tx)
    await sql`create table ruled_package (package_name text primary key)`.execute(tx)
    await sql`
      create table other_filter_list (
        package_name text primary key,
        lists        text not null
      )`.execute(tx)
  },

  async apply(tx, event, sources) {
    if (event.type === 'VersionsBlocked') await block(tx, event)
    else if (event.type === 'VersionsUnblocked') await unblock(tx, event.data)
    else if (event.type === 'MetadataChanged') await followUpstream(tx, event, sources)
  },
}

type EventOf<Type extends RecordedEvent['type']> = Extract<RecordedEvent, { readonly type: Type }>
type MetadataChanged = EventOf<'MetadataChanged'>

/** When its words can't be read, what the last ones said stays. */
async function followUpstream(
  tx: Tx,
  event: MetadataChanged,
  { snapshot, digest }: ProjectionSources,
): Promise<void> {
  const { document, sha256 } = event.data
  if (document === filterSummary) {
    const list = await digest('malware', await snapshot(sha256), undefined)
    if (list !== undefined) await followSummary(tx, event, list.constraints)
    return
  }
  const name = packageOfDocument(document)
  if (name?.kind !== 'tags') return
  const { packageName } = name
  const body = await snapshot(sha256)
  const read = mayHaveFilter(body) ? await digest('filterLists', body, packageName) : { lists: {} }
  if (read !== undefined) await followDocument(tx, { event, packageName, lists: read.lists })
}

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
      entry: 0,
      from_document: false,
      constraint: data.constraint,
      reason: data.reason ?? null,
      ...noDetails,
      actor: data.actor,
      since: recordedAt,
    })
    .execute()
  await noteRuled(tx, data.packageName)
}

const noDetails = { url: null, id: null, source: null } as const

async function noteRuled(tx: Tx, packageName: PackageName): Promise<void> {
  await tx
    .insertInto('ruled_package')
    .values({ package_name: packageName })
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

interface DocumentRead {
  readonly event: MetadataChanged
  readonly packageName: PackageName
  readonly lists: FilterLists
}

/** What it still says is so since when it was. */
async function followDocument(
  tx: Tx,
  { event, packageName, lists: { [malwareList]: entries = [], ...others } }: DocumentRead,
): Promise<void> {
  const before = await tx
    .deleteFrom('version_rule')
    .where('package_name', '=', packageName)
    .where('from_document', '=', true)
    .returning(['constraint', 'since'])
    .execute()
  const sinceOf = new Map(before.map(({ constraint, since }) => [constraint, since]))
  const { position, recordedAt } = event
  for (const [entry, said] of entries.entries()) {
    const { constraint, reason = null, url = null, id = null, source = null } = said
    const since = sinceOf.get(constraint) ?? recordedAt
    const rule = { package_name: packageName, list: 'malware', position, entry, since } as const
    const words = { constraint, reason, url, id, source, actor: null }
    await tx
      .insertInto('version_rule')
      .values({ ...rule, ...words, from_document: true })
      .execute()
  }
  if (entries.length > 0) await noteRuled(tx, packageName)
  await tx.deleteFrom('other_filter_list').where('package_name', '=', packageName).execute()
  if (Object.keys(others).length === 0) return
  await tx
    .insertInto('other_filter_list')
    .values({ package_name: packageName, lists: JSON.stringify(others) })
    .execute()
}

/** What it still says stays as it is, since when it did. */
async function followSummary(
  tx: Tx,
  { position, recordedAt }: MetadataChanged,
  listed: ReadonlyMap<PackageName, string>,
): Promise<void> {
  const now = sql`
    unnest(${[...listed.keys()]}::text[], ${[...listed.values()]}::text[])
      as listed (package_name, version_constraint)`
  await sql`
    delete from version_rule r where list = 'malware' and not from_document and not exists (
      select from ${now}
      where listed.package_name = r.package_name and listed.version_constraint = r."constraint"
    )`.execute(tx)
  await sql`
    insert into version_rule
      (package_name, list, position, entry, from_document, "constraint", since)
    select package_name, 'malware', ${position}, 0, false, version_constraint, ${recordedAt}
    from ${now}
    where not exists (
      select from version_rule r
      where r.package_name = listed.package_name and r.list = 'malware' and not r.from_document
    )`.execute(tx)
  await sql`
    insert into ruled_package select package_name from ${now} on conflict do nothing`.execute(tx)
  await removeLeftOut(tx, listed)
}

/** What documents said before and the summary doesn't say. */
async function removeLeftOut(tx: Tx, listed: ReadonlyMap<PackageName, string>): Promise<void> {
  const said = await tx
    .selectFrom('version_rule')
    .select(['package_name', 'position', 'entry', 'constraint'])
    .where('from_document', '=', true)
    .execute()
  for (const { package_name, position, entry, constraint } of said) {
    if (alternativesBeside(constraint, [listed.get(package_name) ?? '']).length === 0) continue
    await tx
      .deleteFrom('version_rule')
      .where('package_name', '=', package_name)
      .where('list', '=', 'malware')
      .where('position', '=', position)
      .where('entry', '=', entry)
      .execute()
  }
}

/** Only what answers depend on: they are kept by it. */
export function toLayOver({
  list,
  constraint,
  reason,
  url,
  id,
  source,
}: VersionRule): Pick<VersionRule, 'list' | 'constraint' | 'reason' | 'url' | 'id' | 'source'> {
  return { list, constraint, reason, url, id, source }
}

/** Of one package. Index: primary key. */
export async function readRules(db: Db, packageName: PackageName): Promise<readonly VersionRule[]> {
  const rows = await db
    .selectFrom('version_rule')
    .selectAll()
    .where('package_name', '=', packageName)
    .orderBy('list')
    .orderBy('from_document', 'desc')
    .orderBy('position')
    .orderBy('entry')
    .execute()
  return withoutTwice(rows)
}

/**
 * The rules in force, of all packages: upstream's in its summary and in documents, each once, and the operator's own. A
 * package may have several. Reads all of version_rule.
 */
export async function readAllRules(db: Db): Promise<readonly VersionRule[]> {
  const rows = await db
    .selectFrom('version_rule')
    .selectAll()
    .orderBy('package_name')
    .orderBy('list')
    .orderBy('from_document', 'desc')
    .orderBy('position')
    .orderBy('entry')
    .execute()
  return withoutTwice(rows)
}

/**
 * Each rule of upstream's once: what the summary says and the document says too is the document's, which says more of it,
 * since the first of both.
 */
function withoutTwice(rules: readonly VersionRule[]): readonly VersionRule[] {
  const summaries = new Map<PackageName, VersionRule>()
  const inDocuments = new Map<PackageName, string[]>()
  for (const rule of rules) {
    const { package_name: packageName, list, from_document: isInDocument, constraint } = rule
    if (list === 'own') continue
    if (!isInDocument) summaries.set(packageName, rule)
    else {
      const said = inDocuments.get(packageName) ?? []
      said.push(constraint)
      inDocuments.set(packageName, said)
    }
  }
  return rules.flatMap((rule) => {
    const said = inDocuments.get(rule.package_name)
    if (rule.list === 'own' || said === undefined) return [rule]
    if (rule.from_document) return [withFirstDate(rule, summaries.get(rule.package_name))]
    const beside = alternativesBeside(rule.constraint, said)
    return beside.length === 0 ? [] : [{ ...rule, constraint: beside.join('|') }]
  })
}

function withFirstDate(rule: VersionRule, summary: VersionRule | undefined): VersionRule {
  if (summary === undefined || summary.since >= rule.since) return rule
  const isSame = alternativesBeside(rule.constraint, [summary.constraint]).length === 0
  return isSame ? { ...rule, since: summary.since } : rule
}
