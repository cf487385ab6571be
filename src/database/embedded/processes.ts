import { readdirSync, readFileSync, statSync } from 'node:fs'
import { platform } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { errorCode } from './error-code.ts'

/** Whether `pid` is a process that still runs: a zombie, which only waits to be reaped, does not. */
export function isRunning(pid: number): boolean {
  const state = readStat(pid)?.[0]
  return state === undefined ? isTaken(pid) : !/[ZXx]/.test(state)
}

/** Whether `pid` is in use, even by a zombie: PostgreSQL can't tell these apart. */
export function isTaken(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
}

/**
 * When `pid` was started, in the kernel's ticks since boot: with the pid it names one process for good,
 * while a pid alone is given out again. Undefined where there is no /proc.
 */
export function startTicks(pid: number): string | undefined {
  return readStat(pid)?.[19]
}

/** Whether `pid` is a running PostgreSQL process of the data directory `cluster`. */
export function isServerOf(pid: number, cluster: string): boolean {
  if (!isRunning(pid)) return false
  if (platform() !== 'linux') return true
  try {
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== 'postgres') return false
    return worksIn(pid, cluster)
  } catch {
    return false // It ended between two reads.
  }
}

/** Every running PostgreSQL process of the data directory `cluster`. Empty where there is no /proc. */
export function serversOf(cluster: string): readonly number[] {
  if (platform() !== 'linux') return []
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
  return pids.filter((pid) => isServerOf(pid, cluster))
}

/** Sends `signal`, if the process is still there. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error
  }
}

/** Waits until `condition` holds, looking every 20 ms. False when it didn't within `timeoutMs`. */
export async function waitUntil(condition: () => boolean, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  while (!condition()) {
    if (performance.now() > deadline) return false
    await setTimeout(20)
  }
  return true
}

/** PostgreSQL makes its data directory its working directory. */
function worksIn(pid: number, cluster: string): boolean {
  try {
    const there = statSync(`/proc/${pid}/cwd`)
    const here = statSync(cluster)
    return there.dev === here.dev && there.ino === here.ino
  } catch (error) {
    // Root in a container usually lacks CAP_SYS_PTRACE, and may not look there. Anyone may read the
    // command line, but only the first process of a server still has the one it was started with.
    if (errorCode(error) !== 'EACCES' && errorCode(error) !== 'EPERM') return false
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(cluster)
  }
}

/** The fields of /proc/PID/stat from the third (state) on: the second, a name, may hold anything. */
function readStat(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}
