import { chmod, mkdir, readdir, rm, stat, statfs } from 'node:fs/promises'
import path from 'node:path'

/** No download takes that long: what is older was left by a process that was killed. */
const leftOverMs = 60 * 60_000

/** Files there may be read by nobody else on this machine: private packages are among them. */
export const stagedFileMode = 0o600

/** In DATA_DIR, where downloads wait for their checks. */
export function stagingIn(dataDirectory: string): string {
  return path.join(dataDirectory, 'staging')
}

/**
 * Makes the directory in which downloads wait for their checks, and removes what was left in it. Other
 * nodes may be using it.
 */
export async function prepareStaging(directory: string, nowMs: number): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  // One that was made otherwise, and whatever the umask.
  await chmod(directory, 0o700)
  for (const name of await readdir(directory)) {
    const file = path.join(directory, name)
    // Another node may be faster.
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: nowMs }))
    if (nowMs - mtimeMs > leftOverMs) await rm(file, { force: true })
  }
}

/** Less than this is left to PostgreSQL, whose log may be on the same disk. */
const reserveBytes = 256 * 1024 * 1024

/** Whether the disk of a directory has room for a download of so many bytes. */
export async function hasRoomIn(directory: string, sizeBytes: number): Promise<boolean> {
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize - sizeBytes > reserveBytes
}

/** A download can't be written to the disk. */
export class NoRoomOnDisk extends Error {
  override readonly name = 'NoRoomOnDisk'
}

export function isNoRoom(error: unknown): boolean {
  if (error instanceof NoRoomOnDisk) return true
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'ENOSPC' || error.code === 'EDQUOT')
  )
}
