import { once } from 'node:events'
import { parentPort, Worker, workerData } from 'node:worker_threads'

export interface WorkerLimits {
  /** Of its JavaScript heap; a thread that passes it ends, and the process goes on. */
  readonly heapMegabytesMax: number
  readonly runMsMax: number
}

/**
 * Runs a module in a thread of its own, for what would hold up the event loop. The module calls `answerOnce`.
 *
 * @param module its URL.
 * @param input and the answer are copied, or moved where they are shared memory.
 * @throws Error when it fails or passes a limit.
 */
export async function runOnce(
  module: string,
  input: unknown,
  { heapMegabytesMax, runMsMax }: WorkerLimits,
): Promise<unknown> {
  const worker = new Worker(new URL('./start.js', import.meta.url), {
    workerData: { module, input },
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytesMax },
  })
  try {
    const signal = AbortSignal.timeout(runMsMax)
    const [answer]: unknown[] = await once(worker, 'message', { signal })
    return answer
  } finally {
    await worker.terminate()
  }
}

/** To be called by the module that `runOnce` runs. */
export async function answerOnce(answer: (input: unknown) => Promise<unknown>): Promise<void> {
  const { input }: { readonly input: unknown } = workerData
  const answered = await answer(input)
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows
  parentPort?.postMessage(answered)
}
