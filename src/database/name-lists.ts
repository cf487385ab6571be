import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { PackageName } from '../composer/names.ts'
import type { NameDigests, NameListProblem } from '../composer/name-list.ts'
import type { Instant } from '../time-machine/instant.ts'
import type { Db } from './schema.ts'

/** A fetch of upstream's list of names. */
export interface FetchedList {
  readonly id: string
  readonly url: string
  readonly fetchedAt: Instant
  /** Why it is of no use; null: it is of use. */
  readonly problem: NameListProblem | null
}

export interface NewList extends Omit<FetchedList, 'id'> {
  /** Of the upstream that it is of. */
  readonly stream: string
  readonly digests: NameDigests
  readonly lacking: readonly PackageName[]
}

/** Keeps it in place of those before, but for the one that the feed is compared with until its next page. */
export async function putNameList(db: Db, list: NewList): Promise<void> {
  const { stream, url, fetchedAt, problem, digests, lacking } = list
  const { salt, hashes } = digests
  const row = { id: randomUUID(), stream, url, fetched_at: fetchedAt, problem, lacking }
  await db.transaction().execute(async (tx) => {
    // What is of no use says when it was fetched, and takes no place of one that is.
    let former = tx.deleteFrom('name_list').where('stream', '=', stream)
    former = former.where(
      problem === null
        ? sql<boolean>`id not in (select list from document_feed where list is not null)`
        : sql<boolean>`problem is not null`,
    )
    await former.execute()
    const bytes = Buffer.from(hashes.buffer, hashes.byteOffset, hashes.byteLength)
    await tx
      .insertInto('name_list')
      .values({ ...row, names: hashes.length, salt, hashes: bytes })
      .execute()
  })
}

/** @param isOfUse whether those that aren't are passed over. */
export async function readNewestList(
  db: Db,
  stream: string,
  isOfUse: boolean,
): Promise<FetchedList | undefined> {
  let query = db
    .selectFrom('name_list')
    .select(['id', 'url', 'fetched_at as fetchedAt', 'problem'])
    .where('stream', '=', stream)
  if (isOfUse) query = query.where('problem', 'is', null)
  return await query.orderBy('fetched_at', 'desc').limit(1).executeTakeFirst()
}

const hashBytes = Uint32Array.BYTES_PER_ELEMENT

export async function loadNameList(db: Db, id: string): Promise<NameDigests | undefined> {
  const row = await db
    .selectFrom('name_list')
    .select(['salt', 'hashes'])
    .where('id', '=', id)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const { salt, hashes } = row
  const bytes = new Uint8Array(hashes).buffer
  return { salt, hashes: new Uint32Array(bytes, 0, hashes.length / hashBytes) }
}

/** As many as are kept; see `lackingMax` in upstream/name-list.ts. */
const lackingMax = 100

/** Notes a package that upstream has and that the list lacks. */
export async function noteLacking(db: Db, id: string, packageName: PackageName): Promise<void> {
  await sql`
    update name_list set lacking = array_append(lacking, ${packageName})
    where id = ${id} and cardinality(lacking) < ${lackingMax} and ${packageName} <> all (lacking)`.execute(
    db,
  )
}
