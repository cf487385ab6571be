import {
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import path from 'node:path'
import { StartupError } from '../../errors.ts'
import { errorCode } from './error-code.ts'
import { isRunning, startTicks } from './processes.ts'

export interface DataDirectoryLock {
  readonly release: () => void
}

/** Turns taken by this very process: to itself, its own pid in a lock says nothing. */
const ownTurns = new Set<string>()

/**
 * Makes this process the only one that works on `dataDirectory`, until it releases the lock or ends.
 *
 * The lock is a row of numbered turns, symbolic links in DATA_DIR/lock that name a process: making one
 * is atomic together with what it says. The highest number holds. Whoever finds its process gone takes
 * the number after it, and of several who try the file system lets one succeed; a lock is never removed
 * to be made anew, so nobody can remove the one that somebody else has just made. The highest number
 * is never deleted, and so a slow starter that takes a number long passed sees a higher one, and yields.
 *
 * @throws StartupError when another process holds it.
 */
export function lockDataDirectory(dataDirectory: string): DataDirectoryLock {
  const given = path.join(dataDirectory, 'lock')
  mkdirSync(given, { recursive: true, mode: 0o700 })
  // One directory may be known by several paths, and `ownTurns` must tell them to be one.
  const directory = realpathSync(given)
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const last = lastTurn(directory)
    const holder = runningHolder(path.join(directory, String(last)))
    if (holder !== undefined) throw heldBy(holder, dataDirectory)
    const turn = last + 1
    if (!takeTurn(directory, turn, ownName())) continue
    if (lastTurn(directory) !== turn) {
      removeTurn(directory, turn)
      continue
    }
    ownTurns.add(path.join(directory, String(turn)))
    removeTurnsBefore(directory, turn)
    return { release: () => releaseTurn(directory, turn) }
  }
  throw new StartupError(`Too many processes try to start on ${dataDirectory} at once. Start one.`)
}

/** The process that works on `dataDirectory`, for who only looks; undefined: none does. */
export function holderOf(dataDirectory: string): number | undefined {
  const directory = path.join(dataDirectory, 'lock')
  if (!existsSync(directory)) return undefined
  return runningHolder(path.join(directory, String(lastTurn(directory))))
}

function heldBy(pid: number, dataDirectory: string): StartupError {
  return new StartupError(
    `Another Almanac (process ${pid}) already runs on ${dataDirectory}. ` +
      `Stop it, or give this one its own DATA_DIR.`,
  )
}

/** A crash after the first line leaves a released lock and a stale turn below it: both are harmless. */
function releaseTurn(directory: string, turn: number): void {
  ownTurns.delete(path.join(directory, String(turn)))
  takeTurn(directory, turn + 1, 'released')
  removeTurn(directory, turn)
}

function ownName(): string {
  return `${process.pid} ${startTicks(process.pid) ?? 'unknown'}`
}

/** The process that holds the turn at `link`, or undefined when it has ended or there is none. */
function runningHolder(link: string): number | undefined {
  const [name, ticks] = readTurn(link).split(' ')
  const pid = Number(name || NaN)
  if (pid === process.pid) return ownTurns.has(link) ? pid : undefined
  if (!Number.isInteger(pid) || !isRunning(pid)) return undefined
  // Where there are no ticks to compare, a running process counts as the same one.
  return ticks === (startTicks(pid) ?? ticks) ? pid : undefined
}

function readTurn(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    return '' // None yet, or its successor has removed it: then taking the next number fails.
  }
}

function takeTurn(directory: string, turn: number, name: string): boolean {
  try {
    symlinkSync(name, path.join(directory, String(turn)))
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  }
}

function lastTurn(directory: string): number {
  return Math.max(0, ...turns(directory))
}

function turns(directory: string): readonly number[] {
  return readdirSync(directory).map(Number).filter(Number.isInteger)
}

function removeTurnsBefore(directory: string, turn: number): void {
  for (const other of turns(directory)) if (other < turn) removeTurn(directory, other)
}

function removeTurn(directory: string, turn: number): void {
  rmSync(path.join(directory, String(turn)), { force: true })
}
