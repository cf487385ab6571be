import { EventEmitter, once } from 'node:events'

/** Between a loop that works in steps and those who wait for what it does. */
export interface WakeUp {
  /** Ends the loop's wait, also one that has yet to begin. */
  readonly wake: () => void
  /** The loop's own: until woken, at most `timeoutMs`. */
  readonly wait: (timeoutMs: number) => Promise<void>
  /** The loop has made a step. */
  readonly announce: () => void
  /** Until the loop makes its next step, or `deadline` passes. */
  readonly nextStep: (deadline: AbortSignal) => Promise<void>
}

export function createWakeUp(): WakeUp {
  const signals = new EventEmitter().setMaxListeners(0)
  let woken = false
  return {
    wake() {
      woken = true
      signals.emit('wake')
    },
    async wait(timeoutMs) {
      if (!woken) await wokenWithin(signals, timeoutMs)
      woken = false
    },
    announce: () => void signals.emit('step'),
    nextStep: async (deadline) => await heard(signals, 'step', deadline),
  }
}

/** With a timer of its own: a signal makes an error of each wait that ends, which are 70 a second. */
async function wokenWithin(signals: EventEmitter, timeoutMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    function done(): void {
      clearTimeout(timer)
      signals.off('wake', done)
      resolve()
    }
    const timer = setTimeout(done, timeoutMs).unref()
    signals.on('wake', done)
  })
}

async function heard(signals: EventEmitter, name: string, deadline: AbortSignal): Promise<void> {
  try {
    await once(signals, name, { signal: deadline })
  } catch (error) {
    if (!deadline.aborted) throw error
  }
}
