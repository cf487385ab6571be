import type { Pause } from '../../event-loop.ts'

const runLength = 2048

/** Sorts in steps. Measured: `Array.sort` takes 60 ms for 100,000 paths, and nothing else runs meanwhile. */
export async function sortInTurns<T extends object>(
  items: readonly T[],
  compare: (one: T, other: T) => number,
  pause: Pause,
): Promise<readonly T[]> {
  let runs: T[][] = []
  for (let at = 0; at < items.length; at += runLength) {
    runs.push(items.slice(at, at + runLength).toSorted(compare))
    await pause()
  }
  while (runs.length > 1) {
    const merged: T[][] = []
    for (let at = 0; at < runs.length; at += 2) {
      const [left = [], right = []] = runs.slice(at, at + 2)
      merged.push(await merge([left, right], compare, pause))
    }
    runs = merged
  }
  return runs[0] ?? []
}

async function merge<T extends object>(
  [left, right]: readonly [readonly T[], readonly T[]],
  compare: (one: T, other: T) => number,
  pause: Pause,
): Promise<T[]> {
  const merged: T[] = []
  let at = 0
  for (const [index, item] of left.entries()) {
    if (index % runLength === 0) await pause()
    for (let next = right[at]; next && compare(next, item) < 0; next = right[at]) {
      merged.push(next)
      at += 1
    }
    merged.push(item)
  }
  return merged.concat(right.slice(at))
}
