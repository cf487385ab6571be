import type pg from 'pg'
import type { Logger } from 'pino'
import { isConnectionLoss } from './errors.ts'
import { type HandedOn, handingOn } from './handed-on.ts'
import { type ByteQuery, rowReaderOf, tooMany } from './row-reader.ts'

/**
 * Fills `into` with the first column of all rows, one after another, and returns how many bytes they are;
 * NULL has none. The connection is back in the pool before this resolves.
 *
 * @throws whatever PostgreSQL reports, or that it is more than `into` holds. The connection is then ended
 * and not used again; until it has ended, it may still write into `into`.
 */
export type ReadBytes = (query: ByteQuery, into: Buffer) => Promise<number>

/**
 * Reads `bytea` in the binary format, past pg's parser: pg decodes binary columns as text, which spoils
 * them, and its own way, hex, took ten times the CPU at 500 KB. This leans on how pg takes what a
 * socket gives, so it is tried first; when it doesn't give back what it should, pg's way is used.
 */
export async function openByteReader(pool: pg.Pool, logger: Logger): Promise<ReadBytes> {
  const connections = handingOn(pool, { max: Math.ceil(pool.options.max / 2), waitMs })
  const binary: ReadBytes = async (query, into) => await readBinary(connections, query, into)
  try {
    await tryOut(binary)
    return binary
  } catch (error) {
    if (isConnectionLoss(error)) throw error
    logger.warn({ err: error }, 'archives are read in the slow way: pg is not as expected')
    return async (query, into) => await readText(pool, query, into)
  }
}

const tryOutQuery: ByteQuery = {
  name: 'almanac_byte_reader',
  text: `
    select decode(repeat('00ff8041', 30000), 'hex'), 'ignored' from generate_series(1, $1::int)
    union all select null, null`,
  values: [3],
}

/** Twice, since the second time the statement is prepared already. */
async function tryOut(read: ReadBytes): Promise<void> {
  const expected = Buffer.from('00ff8041'.repeat(90_000), 'hex')
  for (const _ of ['first', 'again']) {
    const bytes = Buffer.alloc(expected.length)
    await read(tryOutQuery, bytes)
    if (!bytes.equals(expected)) throw new Error('binary rows did not come back as they were')
  }
}

async function readText(pool: pg.Pool, query: ByteQuery, into: Buffer): Promise<number> {
  const { name, text, values } = query
  const { rows } = await pool.query<unknown[]>({
    name,
    text,
    values: [...values],
    rowMode: 'array',
  })
  let gotBytes = 0
  for (const [column] of rows) {
    if (!Buffer.isBuffer(column)) continue
    if (gotBytes + column.length > into.length) throw tooMany(query, into)
    gotBytes += column.copy(into, gotBytes)
  }
  return gotBytes
}

/** As long as the pool itself has one wait. */
const waitMs = 10_000
/** Far longer than a statement may take: only for a pg that doesn't do what it is asked. */
const patienceMs = 90_000

async function readBinary(connections: HandedOn, query: ByteQuery, into: Buffer): Promise<number> {
  const client = await connections.take()
  let timer: NodeJS.Timeout | undefined
  try {
    const gotBytes = await new Promise<number>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`${query.name} never ended`)), patienceMs)
      client.query(rowReaderOf(client)({ query, into, resolve, reject }))
    })
    connections.giveBack(client)
    return gotBytes
  } catch (error) {
    // What the connection is in the middle of isn't known for every error; a new one costs 3 ms.
    connections.end(client)
    throw error
  } finally {
    clearTimeout(timer)
  }
}
