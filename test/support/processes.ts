import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import path from 'node:path'
import { stripVTControlCharacters } from 'node:util'

export interface ProcessOptions {
  readonly directory: string
  readonly env: NodeJS.ProcessEnv
}

/** How a process ended: with a code, or by a signal. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface StartedProcess {
  readonly pid: number
  /** Both streams so far, as they came, without colours. */
  readonly output: () => string
  readonly exited: Promise<Exit>
  /** Resolves once nobody holds its output open any more, which may be later than its exit. */
  readonly closed: Promise<void>
  /** To the process alone, unless it has ended. */
  readonly signal: (signal: NodeJS.Signals) => void
  /** To the process and all that it started in its group, unless they are gone. */
  readonly signalGroup: (signal: NodeJS.Signals) => void
}

/** What is to be ended when this process ends. Detached groups don't get a terminal's Ctrl-C. */
const groups = new Set<StartedProcess>()
process.once('exit', () => {
  for (const group of groups) group.signalGroup('SIGKILL')
})

/**
 * Starts a program in a process group of its own, without input. The group is killed when this
 * process ends, however it ends (except by SIGKILL: then the runner finds it).
 */
export function startProcess(
  program: string,
  args: readonly string[],
  { directory, env }: ProcessOptions,
): StartedProcess {
  const child = spawn(program, args, {
    cwd: directory,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (child.pid === undefined) {
    child.once('error', () => undefined) // told by the line below
    throw new Error(`can't start ${program} in ${directory}`)
  }
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
  const { pid } = child
  const started: StartedProcess = {
    pid,
    output: () => stripVTControlCharacters(Buffer.concat(chunks).toString()),
    exited: new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }))
    }),
    closed: new Promise((resolve) => {
      child.once('close', () => {
        groups.delete(started)
        resolve()
      })
    }),
    signal: (signal) => void child.kill(signal),
    signalGroup: (signal) => signalQuietly(-pid, signal),
  }
  groups.add(started)
  return started
}

/** Signals a process, or a group when the number is negative; nothing happens when it is gone. */
export function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already, which is what the caller wants.
  }
}

export interface FoundProcess {
  readonly pid: number
  readonly command: string
}

/**
 * The processes that work in `directory` or were told to use it as their TMPDIR.
 *
 * Their working directory gives away an embedded PostgreSQL, which is started with an environment
 * of its own and belongs to no group of ours. Linux only; elsewhere nothing is found.
 */
export function processesOf(directory: string): readonly FoundProcess[] {
  if (process.platform !== 'linux') return []
  return (
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && belongsTo(name, directory))
      .map((name) => ({ pid: Number(name), command: commandOf(name) }))
      // One that has ended and waits for its parent to notice has no command line any more.
      .filter(({ command }) => command !== '')
  )
}

function commandOf(pid: string): string {
  return readQuietly(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()
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
