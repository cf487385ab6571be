import { execFile as executeFile, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const execFile = promisify(executeFile)

export interface Place {
  readonly port: number
  readonly path: string
}

/**
 * Whoever asks here costs as little as possible: it shares the machine with who answers. So all read into
 * one piece of memory, one after another, which then stays in the processor's cache; and of what comes
 * nothing is looked at but the heads.
 */
const landing = Buffer.alloc(256 * 1024)
const endOfHead = Buffer.from('\r\n\r\n')

interface Download {
  /** Is called for what arrives, with its head; may ask to be left alone for a while. */
  readonly onBytes?: (bytes: number, socket: Socket) => void
}

interface Downloaded {
  readonly headBytes: number
  readonly bodyBytes: number
}

/** A connection that is kept. Each call is one request. */
async function openClient(
  { port, path }: Place,
  { onBytes }: Download = {},
): Promise<{ readonly download: () => Promise<Downloaded>; readonly close: () => void }> {
  let head: Buffer = Buffer.alloc(0)
  let leftBytes = 0
  let headBytes = 0
  let bodyBytes = 0
  let finish:
    { resolve: (downloaded: Downloaded) => void; reject: (error: Error) => void } | undefined

  /** Returns how many of these bytes belong to a body. */
  function takeHead(bytes: Buffer): number {
    const end = bytes.indexOf(endOfHead)
    head = Buffer.concat([head, end === -1 ? bytes : bytes.subarray(0, end + endOfHead.length)])
    if (end === -1) return 0
    const text = head.toString('latin1')
    headBytes = head.length
    head = Buffer.alloc(0)
    const [, length] = /\r\ncontent-length: (\d+)/i.exec(text) ?? []
    if (!text.startsWith('HTTP/1.1 200 ') || length === undefined)
      throw new Error(`${path}: ${text}`)
    bodyBytes = Number(length)
    leftBytes = bodyBytes
    return bytes.length - end - endOfHead.length
  }
  function take(bytes: Buffer): void {
    const count = leftBytes === 0 ? takeHead(bytes) : bytes.length
    if (leftBytes === 0) return // More of the head is to come.
    leftBytes -= count
    if (leftBytes === 0) finish?.resolve({ headBytes, bodyBytes })
  }
  const socket = connect({
    port,
    host: '127.0.0.1',
    onread: {
      buffer: landing,
      callback(count) {
        take(landing.subarray(0, count))
        onBytes?.(count, socket)
        return true
      },
    },
  })
  socket.on('error', (error) => finish?.reject(error))
  socket.on('close', () => finish?.reject(new Error(`${path}: the connection was cut`)))
  const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`
  return {
    download: async () =>
      await new Promise((resolve, reject) => {
        finish = { resolve, reject }
        socket.write(request)
      }),
    close() {
      finish = undefined
      socket.destroy()
    },
  }
}

interface LoadOptions {
  readonly clients: number
  readonly durationMs: number
}

interface Loaded {
  /** Of bodies. */
  readonly megabytes: number
  /** Not a whole number: one that isn't over counts in part. */
  readonly requests: number
  readonly seconds: number
}

/** So many clients, one request after another, until the time is over. */
export type Load = (place: Place, options: LoadOptions) => Promise<Loaded>

/**
 * wrk, if it is on the path: of all clients, the one that others measure with. It reads 8 KiB at a time, as clients
 * do, and so takes as long for a body as nginx does to send it.
 */
export function findLoad(): { readonly load: Load; readonly by: string } {
  const isThere = spawnSync('wrk', ['-v']).error === undefined
  if (isThere) return { load: loadByWrk, by: 'wrk' }
  return { load: loadFromHere, by: 'this process, since wrk is not on the path' }
}

const units = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }

async function loadByWrk(place: Place, { clients, durationMs }: LoadOptions): Promise<Loaded> {
  const client = await openClient(place)
  const { headBytes, bodyBytes } = await client.download()
  client.close()
  const duration = `${Math.ceil(durationMs / 1000)}s`
  const url = `http://127.0.0.1:${place.port}${place.path}`
  const { stdout } = await execFile('wrk', ['-t1', `-c${clients}`, '-d', duration, url])
  const [, seconds, read, unit] = /requests in ([\d.]+)s, ([\d.]+)(\w?B) read/.exec(stdout) ?? []
  if (unit === undefined || !isUnit(unit) || /Non-2xx|Socket errors/.test(stdout)) {
    throw new Error(`wrk: ${stdout}`)
  }
  const requests = (Number(read) * units[unit]) / (headBytes + bodyBytes)
  return { megabytes: (requests * bodyBytes) / 1e6, requests, seconds: Number(seconds) }
}

function isUnit(text: string): text is keyof typeof units {
  return Object.hasOwn(units, text)
}

async function loadFromHere(place: Place, { clients, durationMs }: LoadOptions): Promise<Loaded> {
  const begun = performance.now()
  let bytes = 0
  let requests = 0
  async function run(): Promise<void> {
    const client = await openClient(place)
    while (performance.now() - begun < durationMs) {
      // In two steps: others add to it while this one waits.
      const { bodyBytes } = await client.download()
      bytes += bodyBytes
      requests += 1
    }
    client.close()
  }
  await Promise.all(Array.from({ length: clients }, run))
  return { megabytes: bytes / 1e6, requests, seconds: (performance.now() - begun) / 1000 }
}

/** Clients that take `bytesPerSecond` each, until they are told to stop. */
export async function openSlowClients(
  place: Place,
  { clients, bytesPerSecond }: { readonly clients: number; readonly bytesPerSecond: number },
): Promise<{ readonly stop: () => Promise<void> }> {
  let isStopped = false
  async function run(): Promise<void> {
    const begun = performance.now()
    let bytes = 0
    const client = await openClient(place, {
      onBytes(count, socket) {
        bytes += count
        const waitMs = (bytes / bytesPerSecond) * 1000 - (performance.now() - begun)
        if (waitMs <= 0) return
        socket.pause()
        setTimeout(() => socket.resume(), waitMs)
      },
    })
    const goesOn = () => !isStopped
    while (goesOn()) await Promise.race([client.download(), stopped])
    client.close()
  }
  let end: () => void = () => undefined
  const stopped = new Promise<void>((resolve) => (end = resolve))
  const running = Array.from({ length: clients }, run)
  await delay(1000)
  return {
    async stop() {
      isStopped = true
      end()
      await Promise.all(running)
    },
  }
}

/** Milliseconds that each of so many requests took, one after the other, with a pause between them. */
export async function latencies(place: Place, count: number): Promise<readonly number[]> {
  const client = await openClient(place)
  const took = []
  for (let n = 0; n < count; n += 1) {
    const begun = performance.now()
    await client.download()
    took.push(performance.now() - begun)
    await delay(5)
  }
  client.close()
  return took
}

/** User and system time of each so far; the kernel counts in ticks of 10 ms. Who has ended isn't in it. */
export function cpuMs(pids: readonly number[]): ReadonlyMap<number, number> {
  const times = new Map<number, number>()
  for (const pid of pids) {
    if (!existsSync(`/proc/${pid}`)) continue
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    times.set(pid, (Number(fields[11]) + Number(fields[12])) * 10)
  }
  return times
}

/** Memory of a process in MiB: now, and at most since `forgetPeak`. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const mebibytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(status)?.[1]) / 1024
  return { now: mebibytes('VmRSS'), peak: mebibytes('VmHWM') }
}

export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

/** Waits until nobody else uses the machine, or for as long as one may wait. Returns whether it is so. */
export async function quiet(timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  while (performance.now() < deadline) {
    const [idleBefore, allBefore] = machineTimes()
    await delay(300)
    const [idle, all] = machineTimes()
    if ((idle - idleBefore) / (all - allBefore) > 0.85) return true
  }
  return false
}

/** Of all processors, in ticks: without work, and in all. */
function machineTimes(): readonly [idle: number, all: number] {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n')
  const times = line.split(/\s+/).slice(1, 9).map(Number)
  return [(times[3] ?? 0) + (times[4] ?? 0), times.reduce((sum, time) => sum + time, 0)]
}
