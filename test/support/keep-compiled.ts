import { mkdirSync, symlinkSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import path from 'node:path'

/**
 * Lets what runs with `directory` as its TMPDIR find what tsx compiled before, and keep what it compiles:
 * it takes a second of CPU time to compile the service anew for each file.
 */
export function keepCompiled(directory: string): void {
  const name = `tsx-${process.geteuid?.() ?? userInfo().username}`
  const kept = path.join(tmpdir(), name)
  mkdirSync(kept, { recursive: true })
  symlinkSync(kept, path.join(directory, name))
}
