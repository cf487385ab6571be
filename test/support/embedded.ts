import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/database/embedded.ts'
import { StartupError } from '../../src/errors.ts'
import { startProcess, type StartedProcess } from './processes.ts'
import { eventually, rejection } from './suite.ts'
import { temporaryDirectory } from './temporary-directory.ts'

interface Workplace {
  /** A DATA_DIR that nothing has been made in. */
  readonly newDirectory: () => string
}

export async function openWorkplace(): Promise<Workplace> {
  const base = temporaryDirectory('embedded')
  let count = 0
  return { newDirectory: () => path.join(base, `${(count += 1)}`) }
}

type Disposable = EmbeddedPostgres & AsyncDisposable

/** Stopped at the end of the test, whatever comes of it. */
export async function start(
  dataDirectory: string,
  onLost: (error: Error) => void = (error) => process.stdout.write(`lost: ${String(error)}\n`),
): Promise<Disposable> {
  const logger = pino({ level: 'silent' })
  const server = await startEmbeddedPostgres({ dataDirectory, logger, onLost })
  return Object.assign(server, { [Symbol.asyncDispose]: server.stop })
}

/** The sentence with which a start is refused. */
export async function refusal(dataDirectory: string): Promise<string> {
  const error = await rejection(start(dataDirectory))
  assert.instance(error, StartupError)
  return error instanceof Error ? error.message : ''
}

export interface Elsewhere {
  readonly process: StartedProcess
  /** `ready`, or why it is not. */
  readonly said: string
}

/** Another process that starts the server, writes a row, and runs until it is ended. */
export async function startElsewhere(dataDirectory: string): Promise<Elsewhere> {
  const program = `
    const { startEmbeddedPostgres } = await import('./src/database/embedded.ts')
    const { default: pg } = await import('pg')
    const { pino } = await import('pino')
    const [, dataDirectory] = process.argv
    try {
      const logger = pino({ level: 'silent' })
      const server = await startEmbeddedPostgres({ dataDirectory, logger, onLost: console.error })
      const client = new pg.Client(server.connectionString)
      client.on('error', () => undefined)
      await client.connect()
      await client.query('create table if not exists memory (what text)')
      await client.query("insert into memory values ('from elsewhere')")
      process.once('SIGTERM', () => void server.stop().then(() => process.exit(0)))
      console.log('ready')
    } catch (error) {
      console.log(error.message)
    }`
  const started = startProcess(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', program, dataDirectory],
    { directory: path.join(import.meta.dirname, '../..'), env: process.env },
  )
  const said = await eventually('it has said a line', () => {
    return /^(.+)\n/.exec(started.output())?.[1] ?? ''
  })
  return { process: started, said }
}

/** As a crash or Ctrl-C would, all of its group at once; returns when its output has ended, too. */
export async function killElsewhere(elsewhere: Elsewhere): Promise<void> {
  elsewhere.process.signalGroup('SIGKILL')
  await elsewhere.process.closed
}

export async function remember(server: EmbeddedPostgres, what: string): Promise<void> {
  await ask(server, 'create table if not exists memory (what text)')
  await ask(server, `insert into memory values ('${what}')`)
}

export async function remembered(server: EmbeddedPostgres): Promise<unknown> {
  return await ask(server, 'select array_agg(what) as answer from memory')
}

/** The `answer` of the first row, over a connection of its own. */
export async function ask(server: EmbeddedPostgres, statement: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: server.connectionString })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const { rows } = await client.query<{ answer: unknown }>(statement)
    return rows[0]?.answer
  } finally {
    await client.end()
  }
}

export function pidFile(dataDirectory: string): string {
  return path.join(dataDirectory, 'postgresql', 'postmaster.pid')
}

export function serverPid(dataDirectory: string): number {
  return Number.parseInt(readFileSync(pidFile(dataDirectory), 'utf8'), 10)
}

export function isThere(pid: number): boolean {
  return existsSync(`/proc/${pid}`)
}

/** Every file with its bytes. */
export function contents(directory: string): Readonly<Record<string, string>> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return Object.fromEntries(
    files.map((file) => {
      const name = path.join(file.parentPath, file.name)
      return [name, readFileSync(name, 'base64')]
    }),
  )
}
