/**
 * What sending an archive costs the service, from memory and from PostgreSQL, beside the same bytes from
 * nginx with sendfile, if it is on the path, and from a file stream of Node's: `npm run bench:archives`.
 * Linux only, for CPU times and memory. Others who use the machine meanwhile spoil it: so each round waits
 * for a quiet moment, and ratios are of servers that took turns in one round, the medians of all rounds.
 */
import {
  cpuMs,
  findLoad,
  forgetPeak,
  latencies,
  memoryOf,
  openSlowClients,
  quantile,
  quiet,
} from './load.ts'
import { type Server, type Size, sizeNames, startServers } from './servers.ts'

const { load, by } = findLoad()
const rounds = Number(process.argv[2] ?? 7)
const clients = 16
const durationMs = 1_000
const warmUpMs = 2_000
const quietWithinMs = 20_000

interface Measured {
  readonly requestsPerSecond: number
  readonly megabytesPerSecond: number
  readonly cpuMsPerMegabyte: number
  readonly peakMebibytes: number
}

const goals: (readonly [what: string, isMet: boolean])[] = []
say(`Clients: ${by}`)
const servers = await startServers()
try {
  await measureMemory(byName('large objects'))
  for (const size of sizeNames) await compareAt(size)
  await measureSlowClients(byName('large objects'))
  for (const [what, isMet] of goals) say(`${isMet ? 'ok    ' : 'MISSED'} ${what}`)
} finally {
  await servers.close()
}

function byName(name: Server['name']): Server {
  const found = servers.all.find((server) => server.name === name)
  if (found === undefined) throw new Error(`there is no ${name}`)
  return found
}

async function compareAt(size: Size): Promise<void> {
  // The largest isn't kept in memory.
  const all = servers.all.filter(({ name }) => size !== '20MB' || name !== 'memory')
  for (const server of all) await load(server.place(size), { clients, durationMs: warmUpMs })
  const measured = new Map<Server['name'], Measured[]>(all.map(({ name }) => [name, []]))
  let disturbed = 0
  for (let round = 0; round < rounds; round += 1) {
    if (!(await quiet(quietWithinMs))) disturbed += 1
    for (const server of all) measured.get(server.name)?.push(await measure(server, size))
  }
  const median = (name: Server['name'], what: keyof Measured) =>
    quantile(measured.get(name)?.map((each) => each[what]) ?? [], 0.5)
  /** The median of the rounds' ratios. */
  const ratio = (name: Server['name'], to: Server['name']) => {
    const others = measured.get(to) ?? []
    const ratios = measured.get(name)?.map(({ megabytesPerSecond }, round) => {
      return megabytesPerSecond / (others[round]?.megabytesPerSecond ?? Number.NaN)
    })
    return quantile(ratios ?? [], 0.5)
  }
  say(`${size}, ${clients} clients, medians of ${rounds}, others disturbed ${disturbed}`)
  for (const { name } of all) {
    const columns = [
      name.padEnd(14),
      `${median(name, 'requestsPerSecond').toFixed(0).padStart(6)} /s`,
      `${median(name, 'megabytesPerSecond').toFixed(0).padStart(5)} MB/s`,
      `${median(name, 'cpuMsPerMegabyte').toFixed(2).padStart(6)} CPU ms/MB`,
      `${median(name, 'peakMebibytes').toFixed(0).padStart(4)} MiB`,
      `${ratio(name, 'nginx').toFixed(2).padStart(5)} × nginx`,
      `${ratio(name, 'file stream').toFixed(2).padStart(5)} × file stream`,
    ]
    say(`  ${columns.join('  ')}`)
  }
  const stream = ratio('large objects', 'file stream')
  if (size === '20KB') goal(`20 KB: large objects are faster than a file stream`, stream > 1)
  else goal(`${size}: large objects have half the throughput of a file stream`, stream >= 0.5)
  if (size === '500KB') {
    goal('500KB: memory has 0.8 of the throughput of nginx', ratio('memory', 'nginx') >= 0.8)
  }
}

async function measure(server: Server, size: Size): Promise<Measured> {
  forgetPeak(server.pid)
  const before = cpuMs(await server.pids())
  const { megabytes, requests, seconds } = await load(server.place(size), { clients, durationMs })
  let usedMs = 0
  for (const [pid, ms] of cpuMs(await server.pids())) usedMs += ms - (before.get(pid) ?? 0)
  return {
    requestsPerSecond: requests / seconds,
    megabytesPerSecond: megabytes / seconds,
    cpuMsPerMegabyte: usedMs / megabytes,
    peakMebibytes: memoryOf(server.pid).peak,
  }
}

async function measureMemory(server: Server): Promise<void> {
  await quiet(quietWithinMs)
  const { now } = memoryOf(server.pid)
  forgetPeak(server.pid)
  await load(server.place('20MB'), { clients: 32, durationMs: 3_000 })
  const growth = memoryOf(server.pid).peak - now
  goal(`32 transfers of 20 MB at once take ${growth.toFixed(0)} MiB, of 64`, growth <= 64)
}

async function measureSlowClients(server: Server): Promise<void> {
  await quiet(quietWithinMs)
  const slow = await openSlowClients(server.place('20MB'), { clients: 24, bytesPerSecond: 1e6 })
  const took = await latencies(server.place('20KB'), 1_000)
  await slow.stop()
  const [p50, p99] = [0.5, 0.99].map((part) => quantile(took, part))
  const what = `${p50?.toFixed(1)} ms, 99 % ${p99?.toFixed(1)} ms, of 20`
  goal(`20 KB beside 24 clients that take 20 MB at 1 MB/s: ${what}`, (p99 ?? Infinity) <= 20)
}

function goal(what: string, isMet: boolean): void {
  goals.push([what, isMet])
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
