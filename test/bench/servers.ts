import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { got } from 'got'
import pg from 'pg'
import { type RunningAlmanac, startAlmanac } from '../support/almanac.ts'
import { freePort } from '../support/free-port.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { runDatabase } from '../support/run-database.ts'
import { eventually } from '../support/suite.ts'
import { startStubUpstream } from '../support/upstream.ts'
import type { Place } from './load.ts'

export const sizes = { '20KB': 20_000, '500KB': 500_000, '20MB': 20_000_000 } as const
export type Size = keyof typeof sizes
export const sizeNames = ['20KB', '500KB', '20MB'] as const

export interface Server {
  readonly name: 'nginx' | 'file stream' | 'large objects' | 'memory'
  readonly place: (size: Size) => Place
  readonly pid: number
  /** All whose CPU counts. */
  readonly pids: () => Promise<readonly number[]>
}

export interface Servers {
  /** nginx comes first, if there is one. */
  readonly all: readonly Server[]
  readonly close: () => Promise<void>
}

/** The service over one PostgreSQL, with and without its memory for archives, and the same bytes as files. */
export async function startServers(): Promise<Servers> {
  const directory = await mkdtemp(path.join(tmpdir(), 'almanac-bench-'))
  await chmod(directory, 0o755)
  const run = runDatabase(directory)
  Object.assign(process.env, await run.environment())
  const database = await createTestDatabase()
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const upstream = await startStubUpstream({
    packages: sizeNames.map((size) => ({
      name: `bench/${size.toLowerCase()}`,
      description: 'Has an archive of a certain size',
      ballastBytes: sizes[size],
      tags: [['1.0.0', '2025-01-01']],
      branches: { main: ['2025-01-01'] },
    })),
  })
  const paths = new Map<Size, string>()
  for (const size of sizeNames) {
    const name = `bench/${size.toLowerCase()}`
    const document = await got(`${upstream.url}/p2/${name}.json`).text()
    const [, reference] =
      /"version":"1\.0\.0".*?"dist":.*?"reference":"([^"]+)"/.exec(document) ?? []
    paths.set(size, `/dist-proxy/${name}/1.0.0.0/${reference}.zip`)
  }
  const place = (port: number) => (size: Size) => ({ port, path: paths.get(size) ?? '' })
  const backends = async () => {
    const { rows } = await client.query<{ pid: number }>(
      'select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )
    return rows.map(({ pid }) => pid)
  }
  const services: { service: RunningAlmanac; server: Server }[] = []
  for (const [name, memoryBytes] of [
    ['large objects', '0'],
    ['memory', String(128 * 1024 * 1024)],
  ] as const) {
    const service = await startAlmanac({
      upstream: upstream.url,
      databaseUrl: database.url,
      env: { ARCHIVE_MEMORY_BYTES: memoryBytes, PROXY_FEED_INTERVAL: '0', LOG_LEVEL: 'warn' },
    })
    const pids = async () => [service.pid, ...(await backends())]
    services.push({ service, server: { name, pid: service.pid, place: place(service.port), pids } })
  }
  for (const size of sizeNames) {
    for (const { service } of services) {
      const body = await got(service.url + (paths.get(size) ?? '')).buffer()
      await writeFile(path.join(directory, size), body)
    }
  }
  const children: ChildProcess[] = []
  const files = await startFileStream(directory, children)
  const nginx = await startNginx(directory, children)
  return {
    all: [...(nginx === undefined ? [] : [nginx]), files, ...services.map(({ server }) => server)],
    async close() {
      for (const child of children) child.kill('SIGKILL')
      for (const { service } of services) await service.close()
      await client.end()
      await upstream.close()
      await database.close()
      await run.stop()
      await rm(directory, { recursive: true })
    },
  }
}

async function startFileStream(directory: string, children: ChildProcess[]): Promise<Server> {
  const port = await freePort()
  const program = path.join(import.meta.dirname, 'file-stream.js')
  const child = fork(program, [directory, String(port)], { execArgv: [] })
  children.push(child)
  await once(child, 'message')
  return ofFiles('file stream', port, child)
}

function ofFiles(name: Server['name'], port: number, { pid = 0 }: ChildProcess): Server {
  return { name, pid, place: (size) => ({ port, path: `/${size}` }), pids: async () => [pid] }
}

async function startNginx(
  directory: string,
  children: ChildProcess[],
): Promise<Server | undefined> {
  const port = await freePort()
  const configuration = path.join(directory, 'nginx.conf')
  await writeFile(
    configuration,
    `daemon off; master_process off; pid ${directory}/nginx.pid; error_log stderr crit;
     events {} http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
     client_body_temp_path ${directory}/t1; proxy_temp_path ${directory}/t2;
     fastcgi_temp_path ${directory}/t3; uwsgi_temp_path ${directory}/t4; scgi_temp_path ${directory}/t5;
     server { listen 127.0.0.1:${port}; root ${directory}; } }`,
  )
  const child = spawn('nginx', ['-c', configuration, '-p', directory], { stdio: 'inherit' })
  const isStarted = await once(child, 'spawn').then(
    () => true,
    () => false,
  )
  if (!isStarted) {
    process.stdout.write('SKIPPED nginx: it is not on the path (apt-get install nginx)\n')
    return undefined
  }
  children.push(child)
  await eventually('nginx answers', async () => (await fetch(`http://127.0.0.1:${port}/20KB`)).ok)
  return ofFiles('nginx', port, child)
}
