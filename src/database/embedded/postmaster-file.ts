import { readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { socketFile } from './connection.ts'
import type { ServerPlace } from './place.ts'
import { isServerOf, isTaken } from './processes.ts'

/** The server that runs on this data directory, by what it says in its `postmaster.pid`. */
export function runningServer(cluster: string): number | undefined {
  const { pid } = readFile(cluster)
  return pid !== undefined && isServerOf(pid, cluster) ? pid : undefined
}

/** What the server `pid` says of itself: `starting`, `ready`, `stopping`; undefined before it says anything. */
export function serverStatus(pid: number, cluster: string): string | undefined {
  const file = readFile(cluster)
  return file.pid === pid ? file.status : undefined
}

/**
 * Removes a `postmaster.pid` that would keep PostgreSQL from starting though its process is not a
 * server of ours: a zombie, another program with the same number, or nothing that can be read.
 *
 * One whose process is gone stays. PostgreSQL itself sees that, and then also looks whether processes
 * of the dead server still hold the shared memory that the file names.
 *
 * Only for when `runningServer` finds none.
 */
export function removeStaleFiles({ cluster, socketDirectory }: ServerPlace): void {
  const { pid } = readFile(cluster)
  if (pid !== undefined && !isTaken(pid)) return
  rmSync(fileIn(cluster), { force: true })
  rmSync(`${socketFile(socketDirectory)}.lock`, { force: true })
}

/** Nothing when there is no file, no `pid` when there is none in it, as after a power cut. */
function readFile(cluster: string): { readonly pid?: number; readonly status?: string } {
  try {
    const lines = readFileSync(fileIn(cluster), 'utf8')
      .split('\n')
      .map((line) => line.trim())
    const [pid = '', , , , , , , status = ''] = lines
    return /^[1-9]\d*$/.test(pid) ? { pid: Number(pid), status } : {}
  } catch {
    return {}
  }
}

function fileIn(cluster: string): string {
  return path.join(cluster, 'postmaster.pid')
}
