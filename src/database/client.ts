import { Socket } from 'node:net'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { Logger } from 'pino'
import { createReceivingSocket } from './receiving-socket.ts'
import type { Database, Db } from './schema.ts'

export interface DatabaseOptions {
  readonly connectionString: string
  readonly logger: Logger
  /** Schemas beside `public` in which unqualified names are found. */
  readonly schemas?: readonly string[]
  /** 4 to 10 measured best on two cores; more only queue inside PostgreSQL. */
  readonly connectionsMax?: number
}

export interface OpenDatabase {
  readonly db: Db
  /** For what Kysely doesn't do: bytes on the wire, and statements without a plan. */
  readonly pool: pg.Pool
}

/** Opens a pool; connects at the first query. Close it with `db.destroy()`. */
export function openDatabase(options: DatabaseOptions): OpenDatabase {
  const { connectionString, logger, schemas = [], connectionsMax = 10 } = options
  const { url, options: ownOptions } = withoutOptions(connectionString)
  const searchPath = ['public', ...schemas].join(',')
  const pool = new pg.Pool({
    connectionString: url,
    max: connectionsMax,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 60_000,
    lock_timeout: 20_000,
    idle_in_transaction_session_timeout: 60_000,
    application_name: 'almanac',
    options: `${ownOptions} -c TimeZone=UTC -c search_path=${searchPath}`,
    types: { getTypeParser },
    stream: openStream,
  })
  // A lost connection without a listener ends the process: the pool's own hears only those that are
  // idle, so one that is lent to a transaction needs another. Whoever uses it gets the error as well.
  pool.on('error', ({ message }) => {
    // A server that is stopped after us may be faster than the last goodbyes.
    if (!pool.ending) logger.warn({ reason: message }, 'idle database connection lost')
  })
  pool.on('connect', (client) => client.on('error', () => undefined))
  return { db: new Kysely<Database>({ dialect: new PostgresDialect({ pool }) }), pool }
}

/** What pg wraps in TLS has to be a stream as Node makes it. */
function openStream(settings?: unknown): Socket {
  const isPlain =
    typeof settings === 'object' && settings !== null && !('ssl' in settings && settings.ssl)
  return isPlain ? createReceivingSocket() : new Socket()
}

/** pg would let `?options=…` of the URL replace what is set here. */
function withoutOptions(connectionString: string): {
  readonly url: string
  readonly options: string
} {
  const url = new URL(connectionString)
  const options = url.searchParams.get('options') ?? ''
  url.searchParams.delete('options')
  return { url: url.href, options }
}

const parsers: ReadonlyMap<number, (text: string) => unknown> = new Map<
  number,
  (text: string) => unknown
>([
  [pg.types.builtins.INT8, BigInt], // positions and sizes may pass 2^53
  [pg.types.builtins.JSON, (text) => text], // the log parses events itself, by their schema
  [pg.types.builtins.TIMESTAMPTZ, instantOfTimestamp],
])

// Nothing is read in the binary format, which pg decodes as text and so spoils.
const getTypeParser: pg.CustomTypesConfig['getTypeParser'] = (oid) =>
  parsers.get(oid) ?? pg.types.getTypeParser(oid)

/** `2026-05-01 12:00:00.5+00` (the session is in UTC) → `2026-05-01T12:00:00.500000Z`; a Date would lose µs. */
function instantOfTimestamp(text: string): string {
  const [, date, time, fraction = ''] =
    /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/.exec(text) ?? []
  if (date === undefined || time === undefined) throw new Error(`not a UTC timestamp: ${text}`)
  return `${date}T${time}.${fraction.padEnd(6, '0')}Z`
}
