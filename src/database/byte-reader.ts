import type pg from 'pg'
import type { Logger } from 'pino'
import { isConnectionLoss } from './errors.ts'
import { createMessageSplitter } from './message-splitter.ts'
import { receiveFrom } from './receiving-socket.ts'

/** Names of statements that a connection has prepared. */
const preparedOn = new WeakMap<pg.Connection, Set<string>>()

export interface ByteQuery {
  /** Of the prepared statement; always the same text goes by it. */
  readonly name: string
  /** Its parameters need casts; its first column is `bytea`, the others are ignored. */
  readonly text: string
  readonly values: readonly (number | bigint | string)[]
}

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
  const binary: ReadBytes = async (query, into) => await readBinary(pool, query, into)
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

/** Far longer than a statement may take: only for a pg that doesn't do what it is asked. */
const patienceMs = 90_000

async function readBinary(pool: pg.Pool, query: ByteQuery, into: Buffer): Promise<number> {
  const client = await pool.connect()
  let timer: NodeJS.Timeout | undefined
  try {
    const gotBytes = await new Promise<number>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`${query.name} never ended`)), patienceMs)
      client.query(binaryRead(query, into, { resolve, reject }))
    })
    client.release()
    return gotBytes
  } catch (error) {
    // What the connection is in the middle of isn't known for every error; a new one costs 3 ms.
    client.release(true)
    throw error
  } finally {
    clearTimeout(timer)
  }
}

interface Outcome {
  readonly resolve: (gotBytes: number) => void
  readonly reject: (error: unknown) => void
}

const nothing = () => undefined

/**
 * What pg calls a query. While it runs, the socket's bytes come here first; all that isn't a row goes on
 * to pg, which sees a query that gave no rows.
 */
function binaryRead(query: ByteQuery, into: Buffer, { resolve, reject }: Outcome): pg.Submittable {
  const { name, text } = query
  let gotBytes = 0
  /** Gives back what is wrong, if anything is. */
  function take(piece: Buffer): Error | undefined {
    if (gotBytes + piece.length > into.length) return tooMany(query, into)
    gotBytes += piece.copy(into, gotBytes)
    return undefined
  }
  return Object.assign(
    {
      submit(connection: pg.Connection): Error | null {
        const error = interceptRows(connection, query, take)
        if (error === null) send(connection, query)
        return error
      },
      handleError: reject,
      handleReadyForQuery: () => resolve(gotBytes),
    },
    // pg notes by these that the statement is prepared.
    { name, text },
    { handleRowDescription: nothing, handleDataRow: nothing, handleCommandComplete: nothing },
    { handlePortalSuspended: nothing, handleEmptyQuery: nothing },
  )
}

/** Puts itself between the socket and pg until the server is ready for another query. */
function interceptRows(
  connection: pg.Connection,
  { name }: ByteQuery,
  take: (piece: Buffer) => Error | undefined,
): Error | null {
  const { stream } = connection
  const [toPg, ...others] = stream.listeners('data')
  if (toPg === undefined || others.length > 0)
    return new Error('the socket is not read by pg alone')
  // Nothing more is taken from a socket that is destroyed, and pg fails the query with this error.
  const end = (error: Error) => void stream.destroy(error)
  const split = createMessageSplitter({
    bytes(piece) {
      const error = take(piece)
      if (error !== undefined) end(error)
    },
    other: (piece) => void toPg.call(stream, Buffer.from(piece)),
    prepared: () => void preparedStatements(connection).add(name),
    ready(rest) {
      // Before pg hears of it: it may begin the next query at once, perhaps one of these.
      if (!receiveFrom(stream, undefined)) stream.off('data', split).on('data', restored)
      toPg.call(stream, rest)
    },
    lost: end,
  })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was taken from these very listeners
  const restored = toPg as (chunk: Buffer) => void
  if (!receiveFrom(stream, split)) stream.on('data', split).off('data', restored)
  return null
}

function preparedStatements(connection: pg.Connection): Set<string> {
  const known = preparedOn.get(connection) ?? new Set()
  preparedOn.set(connection, known)
  return known
}

function send(connection: pg.Connection, { name, text, values }: ByteQuery): void {
  const { stream } = connection
  stream.cork()
  if (!preparedStatements(connection).has(name)) connection.parse({ name, text, types: [] }, true)
  // Any text here asks for binary results.
  connection.bind({ statement: name, values: values.map(String), binary: 'yes' }, true)
  connection.execute(null, true)
  connection.sync()
  stream.uncork()
}

function tooMany({ name }: ByteQuery, into: Buffer): Error {
  return new Error(`${name} gave more than ${into.length} bytes`)
}
