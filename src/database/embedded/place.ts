import { createHash } from 'node:crypto'
import { chmodSync, chownSync, lstatSync, mkdirSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { StartupError } from '../../errors.ts'
import { makeDataDirectory } from '../make-directory.ts'
import { socketFile } from './connection.ts'
import { errorCode } from './error-code.ts'
import { blockingDirectory, serverUser, type ServerUser } from './server-user.ts'

/** Where one embedded PostgreSQL keeps its things, and as whom it runs. */
export interface ServerPlace {
  readonly user: ServerUser
  /** PostgreSQL's own data directory: DATA_DIR/postgresql. */
  readonly cluster: string
  readonly socketDirectory: string
  readonly logFile: string
  /** Copies of the programs, for when the server's user can't reach the ones in node_modules. */
  readonly binaryCopies: string
}

/**
 * Makes sure that `dataDirectory` exists and that the server's user can get there.
 *
 * @throws StartupError when that can't be, before anything is made.
 */
export function createDataDirectory(dataDirectory: string): void {
  userOn(dataDirectory)
  makeDataDirectory(dataDirectory)
}

/**
 * Who runs the server there.
 *
 * @throws StartupError when nobody can, or when that user can't get there.
 */
export function userOn(dataDirectory: string): ServerUser {
  const cluster = path.join(dataDirectory, 'postgresql')
  const user = serverUser(cluster)
  const blocking = blockingDirectory(dataDirectory, user)
  if (blocking === undefined) return user
  throw new StartupError(
    `PostgreSQL runs as user ${user.name}, who can't get to ${cluster}: ${blocking} is closed to it. ` +
      `Set DATA_DIR to a directory elsewhere, for example DATA_DIR=/var/lib/almanac.`,
  )
}

/** @throws StartupError when there is no safe directory for the socket. */
export function openPlace(dataDirectory: string): ServerPlace {
  // As the server's user sees it: a symbolic link on the way may lie where that user can't go.
  const directory = realpathSync(dataDirectory)
  const cluster = path.join(directory, 'postgresql')
  const user = serverUser(cluster)
  return {
    user,
    cluster,
    socketDirectory: createSocketDirectory(directory, user),
    logFile: path.join(directory, 'postgresql.log'),
    binaryCopies: path.join(directory, 'postgresql-binaries'),
  }
}

/**
 * The path of a socket has at most 107 bytes on Linux, 103 on macOS. Where DATA_DIR is too long for
 * that, its hash names a directory for temporary files: the next start must find the same one.
 */
function createSocketDirectory(dataDirectory: string, user: ServerUser): string {
  const name = `almanac-${createHash('sha256').update(dataDirectory).digest('hex').slice(0, 16)}`
  const choices = [
    path.join(dataDirectory, 'postgresql-socket'),
    path.join(tmpdir(), name),
    path.join('/tmp', name),
  ]
  const chosen = choices.find((choice) => isShort(choice) && !blockingDirectory(choice, user))
  if (chosen === undefined) {
    throw new StartupError(
      `There is no place for PostgreSQL's socket: ${dataDirectory} is too long a path for one, and ` +
        `user ${user.name} can't get to /tmp. Set DATA_DIR to a shorter path.`,
    )
  }
  makePrivate(chosen, user)
  return chosen
}

function isShort(socketDirectory: string): boolean {
  return Buffer.byteLength(socketFile(socketDirectory)) <= 103
}

/** Whoever may enter the directory is the database's superuser, so it must be the server's alone. */
function makePrivate(directory: string, user: ServerUser): void {
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  }
  const stats = lstatSync(directory)
  // Ours, if a crash came before the next lines.
  const owners = [user.uid, process.getuid?.()]
  if (!stats.isDirectory() || !owners.includes(stats.uid)) {
    throw new StartupError(
      `${directory} must be a directory of user ${user.name}, for PostgreSQL's socket. Remove it, ` +
        `or set DATA_DIR to a shorter path or TMPDIR to another directory.`,
    )
  }
  chownSync(directory, user.uid, user.gid)
  chmodSync(directory, 0o700)
}
