import { NotAsked } from './failures.ts'

/** A limit to how much happens at once; what comes later waits in line. */
export interface Slots {
  /**
   * Does the work when a slot is free.
   *
   * @throws NotAsked when the line is too long, or `signal` aborts while waiting in it.
   */
  readonly use: <Outcome>(signal: AbortSignal, work: () => Promise<Outcome>) => Promise<Outcome>
}

const busyRetryAfterSeconds = 5

export interface SlotsOptions {
  readonly slotsMax: number
  readonly waitingMax: number
}

export function createSlots({ slotsMax, waitingMax }: SlotsOptions): Slots {
  const waiting = new Set<() => void>()
  let taken = 0

  async function take(signal: AbortSignal): Promise<void> {
    if (taken < slotsMax) {
      taken += 1
      return
    }
    if (waiting.size >= waitingMax || signal.aborted) throw busy()
    await new Promise<void>((resolve, reject) => {
      function goOn(): void {
        signal.removeEventListener('abort', giveUp)
        resolve()
      }
      function giveUp(): void {
        waiting.delete(goOn)
        reject(busy())
      }
      waiting.add(goOn)
      signal.addEventListener('abort', giveUp, { once: true })
    })
  }

  function release(): void {
    const [next] = waiting
    if (next === undefined) {
      taken -= 1
      return
    }
    // The slot stays taken: it goes from hand to hand, so that nobody slips in between.
    waiting.delete(next)
    next()
  }

  return {
    async use(signal, work) {
      await take(signal)
      try {
        return await work()
      } finally {
        release()
      }
    },
  }
}

function busy(): NotAsked {
  return new NotAsked('too many requests are waiting for upstream', busyRetryAfterSeconds)
}
