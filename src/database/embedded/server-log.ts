import { closeSync, constants, copyFileSync, fchownSync, fstatSync, openSync } from 'node:fs'
import { readSync, rmSync, statSync, truncateSync } from 'node:fs'
import { lastLines } from './command.ts'
import type { ServerUser } from './server-user.ts'

const sizeBytesMax = 10_000_000

export interface ServerLog {
  /** For the server to write to. To be closed by us once it runs. */
  readonly descriptor: number
  /** The end of what it has written since, for an error message. */
  readonly lines: () => string
}

/** Opens the server's log, which may be its first, to append to it. */
export function openServerLog(file: string, user: ServerUser): ServerLog {
  limitServerLog(file)
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants
  // Never through a symbolic link: root would hand whatever it names to the server's user.
  const descriptor = openSync(file, O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY, 0o640)
  fchownSync(descriptor, user.uid, user.gid)
  const start = fstatSync(descriptor).size
  return { descriptor, lines: () => lastLines(readEnd(file, start)) }
}

/**
 * Past 10 MB, moves what the log holds to `….log.1`, in place of what was there. The server, which
 * appends, writes on in the same file; a line that it writes just then may get lost.
 */
export function limitServerLog(file: string): void {
  const sizeBytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  if (sizeBytes <= sizeBytesMax) return
  rmSync(`${file}.1`, { force: true })
  copyFileSync(file, `${file}.1`)
  truncateSync(file)
}

function readEnd(file: string, start: number): string {
  const descriptor = openSync(file, 'r')
  try {
    const end = fstatSync(descriptor).size
    const buffer = Buffer.alloc(8192)
    const from = Math.max(start, end - buffer.length)
    return buffer.toString('utf8', 0, readSync(descriptor, buffer, 0, buffer.length, from))
  } finally {
    closeSync(descriptor)
  }
}
