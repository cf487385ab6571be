import { availableParallelism, loadavg } from 'node:os'

/** From the runner's start until its own code runs: Node is read and started, and tsx compiles. */
const quietStartMs = 500

/** More would only be waited for in vain when something never comes. */
const most = 5

/**
 * How many times as long as on two quiet cores things take on this machine, 1 to 5: by how long the runner
 * took to start, and by how many processes want each core now.
 */
export function measureSlowness(startedMs: number): number {
  const [load = 0] = loadavg()
  return Math.min(most, Math.max(1, startedMs / quietStartMs, load / availableParallelism()))
}
