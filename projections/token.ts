import { sql } from 'kysely'
import type { Database, Db, Tx } from '../src/database/schema.ts'
import type { RecordedEvent } from '../src/events/types.ts'
import type { Projection } from '../src/projector/projection.ts'

type StoredToken = Readonly<Database['token']>

/** Every token that was ever issued, by the digest of what is shown for it, and what became of it. */
export const token: Projection = {
  name: 'token',
  version: 1,

  async createTables(tx) {
    await sql`
      create table token (
        token_id     text        primary key,
        sha256       text        not null,
        name         text        not null,
        grants       json        not null,
        issued_at    timestamptz not null,
        issued_by    text        not null,
        expires_at   timestamptz,
        revoked_at   timestamptz,
        replaced_by  text,
        last_used_at timestamptz,
        use_count    bigint      not null
      )`.execute(tx)
    await sql`create index token_digest on token (sha256)`.execute(tx)
    await sql`create index token_issued on token (issued_at desc, token_id)`.execute(tx)
  },

  async apply(tx, event) {
    if (event.type === 'TokenIssued') await issue(tx, event)
    else if (event.type === 'TokenRevoked') await revoke(tx, event)
    else if (event.type === 'TokensUsed') await use(tx, event)
  },
}

type Issued = Extract<RecordedEvent, { readonly type: 'TokenIssued' }>
type Revoked = Extract<RecordedEvent, { readonly type: 'TokenRevoked' }>
type Used = Extract<RecordedEvent, { readonly type: 'TokensUsed' }>

async function issue(tx: Tx, { data, recordedAt }: Issued): Promise<void> {
  await tx
    .insertInto('token')
    .values({
      token_id: data.tokenId,
      sha256: data.sha256,
      name: data.name,
      grants: JSON.stringify(data.grants),
      issued_at: recordedAt,
      issued_by: data.actor,
      expires_at: data.expiresAt ?? null,
      revoked_at: null,
      replaced_by: null,
      last_used_at: null,
      use_count: 0n,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  if (data.replaces === undefined) return
  const { tokenId, until } = data.replaces
  await sql`
    update token set replaced_by = ${data.tokenId}, expires_at = least(expires_at, ${until})
    where token_id = ${tokenId}`.execute(tx)
}

async function revoke(tx: Tx, { data, recordedAt }: Revoked): Promise<void> {
  await tx
    .updateTable('token')
    .set({ revoked_at: recordedAt })
    .where('token_id', '=', data.tokenId)
    .where('revoked_at', 'is', null)
    .execute()
}

/** Nodes have clocks of their own, and record one after the other: the latest use stands. */
async function use(tx: Tx, { data: { uses } }: Used): Promise<void> {
  await sql`
    update token as t set
      last_used_at = greatest(t.last_used_at, used.at), use_count = t.use_count + used.count
    from (
      select token_id, max(at) as at, sum(count)::bigint as count from unnest(
        ${uses.map(({ tokenId }) => tokenId)}::text[],
        ${uses.map(({ at }) => at)}::timestamptz[],
        ${uses.map(({ count }) => count)}::bigint[]
      ) as each (token_id, at, count)
      group by token_id
    ) as used
    where t.token_id = used.token_id`.execute(tx)
}

/** Index: token_digest, one row. */
export async function readTokenByDigest(db: Db, sha256: string): Promise<StoredToken | undefined> {
  return await db
    .selectFrom('token')
    .selectAll()
    .where('sha256', '=', sha256)
    .limit(1)
    .executeTakeFirst()
}

/** Index: primary key. */
export async function readToken(db: Db, tokenId: string): Promise<StoredToken | undefined> {
  return await db.selectFrom('token').selectAll().where('token_id', '=', tokenId).executeTakeFirst()
}

/** By id. Index: primary key. */
export async function readTokenNames(
  db: Db,
  tokenIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (tokenIds.length === 0) return new Map()
  const rows = await db
    .selectFrom('token')
    .select(['token_id', 'name'])
    .where('token_id', 'in', tokenIds)
    .execute()
  return new Map(rows.map(({ token_id, name }) => [token_id, name]))
}

/** The newest first. Index: token_issued. */
export async function readTokens(db: Db, limit: number): Promise<readonly StoredToken[]> {
  return await db
    .selectFrom('token')
    .selectAll()
    .orderBy('issued_at', 'desc')
    .orderBy('token_id')
    .limit(limit)
    .execute()
}
