/**
 * What sending an archive costs, from memory, from PostgreSQL and from a file, beside nginx with sendfile
 * if it is on the path: `npm run bench:archives`. Linux only, for the CPU times.
 * 20 MB is more than memory keeps: both rows of ours read it from PostgreSQL.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import type { BlobStore } from '../../src/archives/blobs.ts'
import { createMemoryTier } from '../../src/archives/memory-tier.ts'
import { openDatabase, type OpenDatabase } from '../../src/database/client.ts'
import { packageArchive } from '../../src/http/composer/archive.ts'
import type { Route } from '../../src/http/route.ts'
import { startHttpServer } from '../../src/http/server.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { openBlobs } from '../support/blobs.ts'
import { freePort } from '../support/free-port.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { runDatabase } from '../support/run-database.ts'
import { eventually } from '../support/suite.ts'

const sizes = { '20KB': 20_000, '500KB': 500_000, '20MB': 20_000_000 }
const clients = 8
const measuredMs = 2_000
const mebibyte = 1024 * 1024
const logger = pino({ level: 'silent' })

interface Target {
  readonly name: string
  readonly url: (size: string) => string
  /** Processes whose CPU counts. */
  readonly pids: () => Promise<readonly number[]>
}

if (process.send === undefined) await compare()
else await serve(process.argv[2] ?? '', Number(process.argv[3]))

async function compare(): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), 'almanac-bench-'))
  await chmod(directory, 0o755)
  const run = runDatabase(directory)
  Object.assign(process.env, await run.environment())
  const database = await createTestDatabase()
  const opened = openDatabase({ connectionString: database.url, logger, connectionsMax: 2 })
  const children: ChildProcess[] = []
  try {
    await prepare(directory, opened)
    const targets = [
      ...(await startOurs(directory, { database: opened, url: database.url, children })),
    ]
    const nginx = await startNginx(directory, children)
    if (nginx !== undefined) targets.push(nginx)
    for (const size of Object.keys(sizes)) await compareAt(size, targets)
  } finally {
    for (const child of children) child.kill('SIGKILL')
    await opened.db.destroy()
    await database.close()
    await run.stop()
    await rm(directory, { recursive: true })
  }
}

async function prepare(directory: string, { db, pool }: OpenDatabase): Promise<void> {
  const { blobs } = await openBlobs({ db, pool })
  for (const [size, sizeBytes] of Object.entries(sizes)) {
    const body = randomBytes(sizeBytes)
    await writeFile(path.join(directory, size), body)
    await blobs.put(path.join(directory, size), sha256Of(body))
  }
}

interface Ours {
  readonly database: OpenDatabase
  readonly url: string
  readonly children: ChildProcess[]
}

async function startOurs(directory: string, { database, url, children }: Ours): Promise<Target[]> {
  const port = await freePort()
  const child = fork(import.meta.filename, [directory, String(port), url])
  children.push(child)
  await once(child, 'message')
  const backends = async () => {
    const { rows } = await database.pool.query<{ pid: number }>(
      'select pid from pg_stat_activity where datname = current_database()',
    )
    return rows.map(({ pid }) => pid)
  }
  const from = (name: string): Target => ({
    name,
    url: (size) => `http://127.0.0.1:${port}/dist-proxy/bench/${name}/${size}/a.zip`,
    pids: async () => [child.pid ?? 0, ...(await backends())],
  })
  return ['memory', 'large-objects', 'file-stream'].map(from)
}

/** The service's own server and route, in a process of its own. */
async function serve(directory: string, port: number): Promise<void> {
  const { db, pool } = openDatabase({ connectionString: process.argv[4] ?? '', logger })
  const { blobs: objects } = await openBlobs({ db, pool })
  const stores: Readonly<Record<string, BlobStore>> = {
    memory: createMemoryTier(objects, 128 * mebibyte),
    'large-objects': objects,
  }
  const files = new Map(
    Object.keys(sizes).map((size) => [size, sha256Of(readFileSync(path.join(directory, size)))]),
  )
  const archive = packageArchive(async ({ packageName, versionToken }) => {
    const sha256 = files.get(versionToken)
    const store = stores[packageName.replace('bench/', '')]
    const blob = sha256 === undefined ? undefined : await store?.find(sha256)
    if (blob === undefined) throw new Error('no such blob')
    return blob
  })
  const fileStream: Route = {
    surface: 'composer',
    policy: 'open',
    method: 'get',
    path: '/dist-proxy/bench/file-stream/:size/a.zip',
    async handle({ param }) {
      const body = createReadStream(path.join(directory, param('size')), {
        highWaterMark: 256 * 1024,
      })
      return { status: 200, headers: { 'Content-Type': 'application/zip' }, body }
    },
  }
  await startHttpServer([fileStream, archive], {
    host: '127.0.0.1',
    port,
    logger,
    authorize: async () => 'anonymous',
    onRequest: () => undefined,
    translate: (error) => error,
  })
  // However the bench ends, this ends with it.
  process.on('disconnect', () => process.exit())
  process.send?.('ready')
}

async function startNginx(
  directory: string,
  children: ChildProcess[],
): Promise<Target | undefined> {
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
  const started = await once(child, 'spawn').then(
    () => true,
    () => false,
  )
  if (!started) {
    say('SKIPPED nginx: it is not on the path (apt-get install nginx)')
    return undefined
  }
  children.push(child)
  const url = (size: string) => `http://127.0.0.1:${port}/${size}`
  await eventually('nginx answers', async () => (await fetch(url('20KB'))).ok)
  return {
    name: 'nginx',
    url,
    pids: async () => [child.pid ?? 0],
  }
}

async function compareAt(size: string, targets: readonly Target[]): Promise<void> {
  say(`${size}, ${clients} clients`)
  let reference: number | undefined
  // The last one is what the others are compared with: nginx, or the file stream.
  for (const target of targets.toReversed()) {
    const { megabytesPerSecond, cpuMsPerMegabyte } = await measure(target, size)
    reference ??= megabytesPerSecond
    const ratio = (megabytesPerSecond / reference).toFixed(2)
    const columns = [
      target.name.padEnd(14),
      `${megabytesPerSecond.toFixed(0).padStart(6)} MB/s`,
      `${cpuMsPerMegabyte.toFixed(2).padStart(6)} CPU ms/MB`,
      `${ratio.padStart(5)} × ${targets.at(-1)?.name}`,
    ]
    say(`  ${columns.join('  ')}`)
  }
}

async function measure(target: Target, size: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  const url = target.url(size)
  await fetchOnce(url, { agent, sizeBytes: sizeOf(size) })
  const pids = await target.pids()
  const cpuBefore = cpuMs(pids)
  const begun = performance.now()
  let megabytes = 0
  const client = async () => {
    while (performance.now() - begun < measuredMs) {
      megabytes += (await fetchOnce(url, { agent, sizeBytes: sizeOf(size) })) / 1e6
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  const seconds = (performance.now() - begun) / 1000
  agent.destroy()
  const usedMs = cpuMs(pids) - cpuBefore
  return { megabytesPerSecond: megabytes / seconds, cpuMsPerMegabyte: usedMs / megabytes }
}

function sizeOf(size: string): number {
  return Object.entries(sizes).find(([name]) => name === size)?.[1] ?? 0
}

async function fetchOnce(
  url: string,
  { agent, sizeBytes }: { readonly agent: Agent; readonly sizeBytes: number },
): Promise<number> {
  return await new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      let got = 0
      response.on('data', (chunk: Buffer) => (got += chunk.length))
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === 200 && got === sizeBytes) resolve(got)
        else reject(new Error(`${url}: ${response.statusCode}, ${got} bytes`))
      })
    }).on('error', reject)
  })
}

/** User and system time so far; the kernel counts in ticks of 10 ms. */
function cpuMs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return sum + (Number(fields[11]) + Number(fields[12])) * 10
  }, 0)
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
