import { chmodSync, mkdirSync, mkdtempSync, rmdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { StartupError } from '../errors.ts'
import { errorCode } from './embedded/error-code.ts'

/**
 * Makes sure that DATA_DIR exists and takes files. One level at a time: told to make all of them, Node tries for ever
 * where the system makes none, as below /proc.
 *
 * @throws StartupError when it can't be made or written to.
 */
export function makeDataDirectory(directory: string): void {
  try {
    makeLevels(directory)
    tryToWrite(directory)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new StartupError(
      `DATA_DIR can't be made or written to (${reason}). Set it to a directory that this user may write to.`,
      { cause: error },
    )
  }
}

function tryToWrite(directory: string): void {
  try {
    rmdirSync(mkdtempSync(path.join(directory, '.tried-')))
  } catch (error) {
    // What is there can still be served from a disk that is full.
    if (!['ENOSPC', 'EDQUOT'].includes(errorCode(error) ?? '')) throw error
  }
}

function makeLevels(directory: string): void {
  // What is no directory, or has a name that is too long, throws before anything is made.
  if (statSync(directory, { throwIfNoEntry: false }) !== undefined) return
  const parent = path.dirname(directory)
  if (parent !== directory) makeLevels(parent)
  mkdirSync(directory, { mode: 0o711 })
  // A strict umask would keep the user who runs PostgreSQL for root out of it.
  if (process.getuid?.() === 0) chmodSync(directory, 0o711)
}
