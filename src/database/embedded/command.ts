import { execFile } from 'node:child_process'
import { platform } from 'node:os'
import { promisify } from 'node:util'
import type { ServerUser } from './server-user.ts'

/** macOS has no C.UTF-8; its C sorts the same way, by bytes. */
export const serverLocale = platform() === 'darwin' ? 'C' : 'C.UTF-8'

/**
 * All that PostgreSQL's programs get to see: what our own environment holds may be secret. glibc would give
 * memory back to the system after each row of a large object, and take it again for the next: that was half
 * of the system's time when archives are read.
 */
export const serverEnvironment = {
  PATH: '/usr/bin:/bin',
  LC_ALL: serverLocale,
  TZ: 'UTC',
  MALLOC_TRIM_THRESHOLD_: '4194304',
  MALLOC_MMAP_THRESHOLD_: '4194304',
}

/**
 * Runs a program of PostgreSQL as `user`, and waits for its end.
 *
 * @throws Error with the last lines that it wrote, when it fails or takes longer than `timeoutMs`, or is given up.
 */
export async function runAs(
  user: ServerUser,
  command: readonly [program: string, ...args: string[]],
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<void> {
  const [program, ...args] = command
  const { uid, gid } = user
  // Our own working directory may be closed to that user.
  const options = { uid, gid, cwd: '/', env: serverEnvironment, timeout: timeoutMs, signal }
  try {
    await promisify(execFile)(program, args, options)
  } catch (error) {
    throw new Error(`${program}: ${reasonOf(error)}`, { cause: error })
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const written = 'stderr' in error && typeof error.stderr === 'string' ? error.stderr.trim() : ''
  if (written !== '') return lastLines(written)
  return 'killed' in error && error.killed === true ? 'took too long' : error.message
}

/** The last few lines of what a program wrote, indented for an error message. */
export function lastLines(text: string): string {
  const lines = text.trim().split('\n').slice(-6)
  return lines.map((line) => `\n  ${line}`).join('')
}
