import { setImmediate as nextTurn } from 'node:timers/promises'

/** As many archives as are inspected at once then hold the event loop for less than 20 ms. */
const turnMs = 4

/** To be awaited between small steps: lets others have the event loop when this turn was long enough. */
export type Pause = () => Promise<void>

export function createPause(): Pause {
  let began = performance.now()
  return async () => {
    if (performance.now() - began < turnMs) return
    await nextTurn()
    began = performance.now()
  }
}
