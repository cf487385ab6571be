import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { deflateRaw, inflateRaw } from 'node:zlib'
import { sql } from 'kysely'
import { LRUCache } from 'lru-cache'
import type { Database, Db } from '../database/schema.ts'
import { Sha256 } from '../events/types.ts'
import { createSingleFlight } from '../single-flight.ts'
import { applySplice, splice } from './splice.ts'

const deflate = promisify(deflateRaw)
const inflate = promisify(inflateRaw)

/** Content-addressed bytes of documents. What is put in comes back byte for byte, for ever. */
export interface SnapshotStore {
  /**
   * Keeps `body` and returns its name; durable once it resolves, and harmless to repeat. `previous`
   * names the snapshot it is likely to resemble (the document's last).
   */
  readonly put: (body: Buffer, previous: Sha256 | undefined) => Promise<Sha256>
  /** @throws Error when it isn't there or its bytes don't hash to its name: both are corruption. */
  readonly get: (sha256: Sha256) => Promise<Buffer>
}

/** A keyframe at least every 32 snapshots: reading one costs at most 31 small inflates. */
const depthMax = 31
const memoryBytesMax = 32 * 1024 * 1024

/** @param onCorrupt is called when a snapshot's bytes don't hash to its name. */
export function createSnapshotStore(
  db: Db,
  onCorrupt: () => void = () => undefined,
): SnapshotStore {
  const recent = new LRUCache<Sha256, Buffer>({
    maxSize: memoryBytesMax,
    sizeCalculation: (body) => body.length + 1,
  })
  const read = createSingleFlight(
    async (sha256: Sha256) => {
      const body = await assemble(await readChain(db, sha256))
      if (sha256Of(body) !== sha256) {
        onCorrupt()
        throw new Error(`snapshot ${sha256} is corrupt or missing`)
      }
      recent.set(sha256, body)
      return body
    },
    (sha256) => sha256,
  )
  const get = async (sha256: Sha256): Promise<Buffer> => recent.get(sha256) ?? (await read(sha256))

  return {
    get,
    async put(body, previous) {
      const sha256 = sha256Of(body)
      if (await exists(db, sha256)) return sha256
      // A base that can't be read is corrupt, which must not keep what is new from being kept.
      const base = await baseFor(db, previous, get).catch(() => undefined)
      const row = await encode(body, base)
      await db
        .insertInto('snapshot')
        .values({ sha256, size_bytes: body.length, ...row })
        .onConflict((conflict) => conflict.column('sha256').doNothing())
        .execute()
      recent.set(sha256, body)
      return sha256
    },
  }
}

export function sha256Of(bytes: Buffer): Sha256 {
  return Sha256.parse(createHash('sha256').update(bytes).digest('hex'))
}

interface Base {
  readonly sha256: Sha256
  readonly depth: number
  readonly body: Buffer
}

/** undefined when a keyframe is due, or there is nothing to build on. */
async function baseFor(
  db: Db,
  previous: Sha256 | undefined,
  get: (sha256: Sha256) => Promise<Buffer>,
): Promise<Base | undefined> {
  if (previous === undefined) return undefined
  const { depth } = await db
    .selectFrom('snapshot')
    .select('depth')
    .where('sha256', '=', previous)
    .executeTakeFirstOrThrow()
  if (depth >= depthMax) return undefined
  return { sha256: previous, depth, body: await get(previous) }
}

type Encoded = Omit<Database['snapshot'], 'sha256' | 'size_bytes'>

async function encode(body: Buffer, base: Base | undefined): Promise<Encoded> {
  const whole: Encoded = {
    base_sha256: null,
    depth: 0,
    prefix_bytes: 0,
    suffix_bytes: 0,
    deflated: await deflate(body),
  }
  if (base === undefined) return whole
  const { prefixBytes, suffixBytes, middle } = splice(base.body, body)
  const deflated = await deflate(middle)
  // A change that touches most of a document is cheaper to read as a keyframe than as a delta.
  if (deflated.length > whole.deflated.length / 2) return whole
  return {
    base_sha256: base.sha256,
    depth: base.depth + 1,
    prefix_bytes: prefixBytes,
    suffix_bytes: suffixBytes,
    deflated,
  }
}

async function exists(db: Db, sha256: Sha256): Promise<boolean> {
  const row = await db
    .selectFrom('snapshot')
    .select('sha256')
    .where('sha256', '=', sha256)
    .executeTakeFirst()
  return row !== undefined
}

type Link = Pick<Database['snapshot'], 'prefix_bytes' | 'suffix_bytes' | 'deflated'>

/** From the keyframe to the snapshot itself; at most 32 rows by primary key. */
async function readChain(db: Db, sha256: Sha256): Promise<readonly Link[]> {
  const { rows } = await sql<Link>`
    with recursive chain as (
      select s.*, 0 as step from snapshot s where s.sha256 = ${sha256}
      union all
      select s.*, chain.step + 1 from snapshot s join chain on s.sha256 = chain.base_sha256
    )
    select prefix_bytes, suffix_bytes, deflated from chain order by step desc`.execute(db)
  return rows
}

async function assemble(chain: readonly Link[]): Promise<Buffer> {
  let body: Buffer = Buffer.alloc(0)
  for (const { prefix_bytes, suffix_bytes, deflated } of chain) {
    const middle = await inflate(deflated)
    body = applySplice(body, { prefixBytes: prefix_bytes, suffixBytes: suffix_bytes, middle })
  }
  return body
}
