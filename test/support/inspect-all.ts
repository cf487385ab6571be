import { readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { inspectArchive } from '../../src/archives/check.ts'

/** What inspecting all archives of a directory, whose names end with their types, one after another, cost the process that did only this. */
export interface Costs {
  readonly inspected: number
  /** Beyond what it had after the first one, by name, was inspected ten times. */
  readonly growthBytes: number
  /** Of CPU, so that a busy machine doesn't count: for one archive at most. */
  readonly archiveMs: number
  /** Of CPU: between two turns of the event loop at most. */
  readonly turnMs: number
}

async function inspectAll(directory: string): Promise<Costs> {
  const names = readdirSync(directory).toSorted()
  const first = names[0] ?? ''
  for (let round = 0; round < 10; round++) await inspectIn(directory, first)
  const beforeBytes = process.memoryUsage.rss()
  const watch = watchTurns()
  let archiveMs = 0
  for (const name of names) {
    const began = cpuMs()
    await inspectIn(directory, name)
    archiveMs = Math.max(archiveMs, cpuMs() - began)
  }
  const { rssBytes, turnMs } = watch.end()
  return { inspected: names.length, growthBytes: rssBytes - beforeBytes, archiveMs, turnMs }
}

async function inspectIn(directory: string, name: string): Promise<void> {
  const file = path.join(directory, name)
  const distType = path.extname(name).slice(1)
  await inspectArchive(file, { distType, sizeBytes: statSync(file).size, uncheckedTypes: [] })
}

/** Looks at each turn of the event loop what this process has used so far. */
function watchTurns() {
  let rssBytes = 0
  let turnMs = 0
  let last = cpuMs()
  function turn(): void {
    const now = cpuMs()
    turnMs = Math.max(turnMs, now - last)
    rssBytes = Math.max(rssBytes, process.memoryUsage.rss())
    last = now
    next = setImmediate(turn)
  }
  let next = setImmediate(turn)
  return {
    end: () => {
      clearImmediate(next)
      return { rssBytes, turnMs }
    },
  }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

process.stdout.write(JSON.stringify(await inspectAll(process.argv[2] ?? '')))
