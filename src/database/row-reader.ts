import type pg from 'pg'
import { createMessageSplitter } from './message-splitter.ts'
import { receiveFrom, type Receiver } from './receiving-socket.ts'

export interface ByteQuery {
  /** Of the prepared statement; always the same text goes by it. */
  readonly name: string
  /** Its parameters need casts; its first column is `bytea`, the others are ignored. */
  readonly text: string
  readonly values: readonly (number | bigint | string)[]
}

/** One query whose rows are read into memory. */
export interface Reading {
  readonly query: ByteQuery
  readonly into: Buffer
  readonly resolve: (gotBytes: number) => void
  readonly reject: (error: unknown) => void
}

/** What pg calls a query, of a connection's next reading; to be given to pg at once. */
type RowReader = (reading: Reading) => pg.Submittable

/** One for each connection, which has one query at a time: making all this anew for each took 15 µs. */
const readers = new WeakMap<pg.PoolClient, RowReader>()

export function rowReaderOf(client: pg.PoolClient): RowReader {
  const reader = readers.get(client) ?? createRowReader()
  readers.set(client, reader)
  return reader
}

/**
 * The socket puts most bytes of a row where they belong. With them comes what is between two rows, or after
 * the last: to read that on its own took as long as copying saves.
 */
const betweenRowsBytes = 64

const nothing = () => undefined

/**
 * While a reading goes on, the socket's bytes come here first; all that isn't a row goes on to pg, which
 * sees a query that gave no rows.
 */
function createRowReader(): RowReader {
  const prepared = new Set<string>()
  let socket: Intercepted | undefined
  let current: Reading | undefined
  let gotBytes = 0
  const end = (error: Error) => void socket?.stream.destroy(error)
  const splitter = createMessageSplitter({
    bytes(piece) {
      if (current === undefined) return
      const { into, query } = current
      if (gotBytes + piece.length > into.length) end(tooMany(query, into))
      else {
        // Most are there already; a few may be in the same memory, further on.
        if (!isAt(piece, into, gotBytes)) piece.copy(into, gotBytes)
        gotBytes += piece.length
      }
    },
    other: (piece) => socket?.toPg(Buffer.from(piece)),
    prepared: () => current !== undefined && void prepared.add(current.query.name),
    ready(rest) {
      // Before pg hears of it: it may begin the next query at once, perhaps one of these.
      socket?.restore()
      socket?.toPg(rest)
    },
    // Nothing more is taken from a socket that is destroyed, and pg fails the query with this error.
    lost: end,
  })
  const receiver = {
    take: splitter.take,
    place() {
      const leftBytes = splitter.columnBytes()
      if (current === undefined || leftBytes === 0) return undefined
      return current.into.subarray(gotBytes, gotBytes + leftBytes + betweenRowsBytes)
    },
  }
  const submittable = {
    // pg notes by these that the statement is prepared.
    name: '',
    text: '',
    submit(connection: pg.Connection): Error | null {
      const { stream } = connection
      if (stream.listenerCount('data') !== 1) return new Error('the socket is not read by pg alone')
      socket ??= interceptable(stream, receiver)
      socket.intercept()
      if (current !== undefined) send(connection, current.query, prepared)
      return null
    },
    handleError: (error: unknown) => current?.reject(error),
    handleReadyForQuery: () => current?.resolve(gotBytes),
    handleRowDescription: nothing,
    handleDataRow: nothing,
    handleCommandComplete: nothing,
    handlePortalSuspended: nothing,
    handleEmptyQuery: nothing,
  }
  return (reading) => {
    current = reading
    gotBytes = 0
    submittable.name = reading.query.name
    submittable.text = reading.query.text
    return submittable
  }
}

function isAt(piece: Buffer, memory: Buffer, offset: number): boolean {
  return piece.buffer === memory.buffer && piece.byteOffset === memory.byteOffset + offset
}

/** A socket that can be read by somebody else than pg for a while. */
interface Intercepted {
  readonly stream: pg.Connection['stream']
  readonly intercept: () => void
  readonly restore: () => void
  readonly toPg: (chunk: Buffer) => void
}

function interceptable(stream: pg.Connection['stream'], receiver: Receiver): Intercepted {
  const [listener] = stream.listeners('data')
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was taken from these very listeners
  const pgs = listener as (chunk: Buffer) => void
  return {
    stream,
    intercept() {
      if (!receiveFrom(stream, receiver)) stream.on('data', receiver.take).off('data', pgs)
    },
    restore() {
      if (!receiveFrom(stream, undefined)) stream.off('data', receiver.take).on('data', pgs)
    },
    toPg: (chunk) => pgs.call(stream, chunk),
  }
}

function send(
  connection: pg.Connection,
  { name, text, values }: ByteQuery,
  prepared: ReadonlySet<string>,
): void {
  const { stream } = connection
  stream.cork()
  if (!prepared.has(name)) connection.parse({ name, text, types: [] }, true)
  // Any text here asks for binary results.
  connection.bind({ statement: name, values: values.map(String), binary: 'yes' }, true)
  connection.execute(null, true)
  connection.sync()
  stream.uncork()
}

export function tooMany({ name }: ByteQuery, into: Buffer): Error {
  return new Error(`${name} gave more than ${into.length} bytes`)
}
