import type { ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import path from 'node:path'

export interface FoundProcess {
  readonly pid: number
  readonly command: string
  kill(): void
}

/** Signals a child that was started with `detached: true`, and all that it started in its group. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid !== undefined) signalQuietly(-child.pid, signal)
}

/** Signals a process, or a group when the number is negative; nothing happens when it is gone. */
export function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already, which is what the caller wants.
  }
}

/**
 * The processes that work in `directory` or were told to use it as their TMPDIR.
 *
 * Their working directory gives away an embedded PostgreSQL, which is started with an environment
 * of its own and belongs to no group of ours. Linux only; elsewhere nothing is found.
 */
export function processesOf(directory: string): readonly FoundProcess[] {
  if (process.platform !== 'linux') return []
  const found: FoundProcess[] = []
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || !belongsTo(name, directory)) continue
    const pid = Number(name)
    const command = readQuietly(`/proc/${name}/cmdline`).replaceAll('\0', ' ').trim()
    // A process that has ended and waits for its parent has no command line any more.
    if (command !== '') found.push({ pid, command, kill: () => signalQuietly(pid, 'SIGKILL') })
  }
  return found
}

function belongsTo(pid: string, directory: string): boolean {
  const environment = readQuietly(`/proc/${pid}/environ`).split('\0')
  const told = environment.find((variable) => variable.startsWith('TMPDIR='))?.slice(7)
  if (told !== undefined && isWithin(directory, told)) return true
  try {
    return isWithin(directory, readlinkSync(`/proc/${pid}/cwd`))
  } catch {
    return false // Gone, or not ours to look at.
  }
}

function isWithin(directory: string, candidate: string): boolean {
  return candidate === directory || candidate.startsWith(`${directory}${path.sep}`)
}

function readQuietly(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
