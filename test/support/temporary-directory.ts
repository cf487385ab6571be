import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const made = new Set<string>()
process.once('exit', () => {
  for (const directory of made) {
    try {
      removeDirectory(directory)
    } catch {
      // A process that is just being killed still writes there. The runner removes what is left.
    }
  }
})

/**
 * A new directory that goes away with this process.
 *
 * Others may look into it: run by root, the embedded PostgreSQL is another user.
 */
export function temporaryDirectory(name: string): string {
  const directory = mkdtempSync(path.join(tmpdir(), `${name}-`))
  chmodSync(directory, 0o755)
  made.add(directory)
  return directory
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  made.delete(directory)
}
