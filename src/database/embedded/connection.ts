import { connect } from 'node:net'
import path from 'node:path'
import pg from 'pg'

/** The port only names the socket; nothing listens on TCP. */
export const socketPort = 5432

export function socketFile(socketDirectory: string): string {
  return path.join(socketDirectory, `.s.PGSQL.${socketPort}`)
}

/** For pg and libpq. A URL needs some host to be one; the parameter overrides it. */
export function connectionStringOf(socketDirectory: string, database: string): string {
  const host = encodeURIComponent(socketDirectory)
  return `postgresql://postgres@localhost/${database}?host=${host}&port=${socketPort}&sslmode=disable`
}

/** Whether some process listens on the socket, whoever it is. */
export async function isListening(socketDirectory: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(socketFile(socketDirectory))
    const answer = (listening: boolean) => () => {
      socket.destroy()
      resolve(listening)
    }
    socket.once('connect', answer(true)).once('error', answer(false))
    socket.setTimeout(2_000, answer(true)) // Its queue is full.
  })
}

/** Makes the database `almanac`, unless it is there. Throws while the server doesn't answer. */
export async function createDatabase(socketDirectory: string): Promise<void> {
  const client = new pg.Client({
    connectionString: connectionStringOf(socketDirectory, 'postgres'),
    connectionTimeoutMillis: 5_000,
  })
  // Without a listener, a connection that breaks after the last query would end the process.
  client.on('error', () => undefined)
  await client.connect()
  try {
    const known = await client.query("select from pg_database where datname = 'almanac'")
    if (known.rowCount === 0) await client.query('create database almanac')
  } finally {
    await client.end()
  }
}
