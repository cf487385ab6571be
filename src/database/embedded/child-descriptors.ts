import type { StdioOptions } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const closeOnExec = 0o2000000

/**
 * The `stdio` of a child that reads nothing, writes to `log`, and keeps nothing else of ours open.
 *
 * Node closes what it has opened itself. What our own parent left open for us beyond its first few
 * descriptors a child would inherit too, and whoever waits for the end of such a pipe would wait for
 * the child's. So these slots are given `log` as well. Linux only; elsewhere such pipes stay open.
 */
export function childDescriptors(log: number): StdioOptions {
  const inherited = inheritedDescriptors()
  const count = Math.max(2, ...inherited) + 1
  return Array.from({ length: count }, (_, descriptor) =>
    descriptor === 1 || descriptor === 2 || inherited.includes(descriptor) ? log : 'ignore',
  )
}

function inheritedDescriptors(): readonly number[] {
  try {
    const open = readdirSync('/proc/self/fdinfo').map(Number)
    return open.filter((descriptor) => descriptor > 2 && isInherited(descriptor))
  } catch {
    return []
  }
}

function isInherited(descriptor: number): boolean {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8')
    const flags = Number.parseInt(/^flags:\s*([0-7]+)$/m.exec(info)?.[1] ?? '', 8)
    return (flags & closeOnExec) === 0
  } catch {
    return false // It was the one that listed the others.
  }
}
