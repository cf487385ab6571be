import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { DocumentUnreadable } from '../composer/document.ts'
import { createLine } from '../in-line.ts'
import type { Outcome, Work } from './work.ts'

export interface Threads {
  /** @throws DocumentUnreadable when it takes more memory or CPU time than a thread may. */
  readonly run: (work: Work) => Promise<Outcome>
  /** Ends them, and fails what is under way. */
  readonly close: () => Promise<void>
}

export interface ThreadLimits {
  readonly memoryMegabytesMax: number
  /** Of the process, since Node.js 20 doesn't tell it of one thread: more than the work itself takes. */
  readonly cpuMsMax: number
}

/** Two, so that one body that is hard to digest doesn't keep all others waiting. */
const threadsMax = 2
/**
 * The largest body within the limits that are counted, 8 MB of constraints, takes 120 MB and 5 s: what passes these was counted wrong. CPU time
 * and no clock, so that a machine that stood still refuses nothing.
 */
const limitsOfThreads: ThreadLimits = { memoryMegabytesMax: 256, cpuMsMax: 30_000 }
const lookEveryMs = 200

/** Threads that are started when there is work for them, stay for more, and are replaced when they die of it. */
export function createThreads(limits: ThreadLimits = limitsOfThreads): Threads {
  const { memoryMegabytesMax: maxOldGenerationSizeMb } = limits
  const idle: Worker[] = []
  const running = new Set<Worker>()
  const inLine = createLine(threadsMax)

  function start(): Worker {
    const file = new URL('worker.js', import.meta.url)
    const worker = new Worker(file, { resourceLimits: { maxOldGenerationSizeMb } })
    running.add(worker)
    worker.once('exit', () => running.delete(worker))
    // Who waits for an outcome is told of errors; at other times there is nobody to tell.
    return worker.on('error', () => undefined)
  }

  return {
    async run(work) {
      return await inLine(async () => {
        const worker = idle.pop() ?? start()
        worker.ref()
        try {
          const outcome = await outcomeOf(worker, work, limits)
          worker.unref()
          idle.push(worker)
          return outcome
        } catch (error) {
          await worker.terminate()
          throw error
        }
      })
    },
    async close() {
      idle.splice(0)
      await Promise.all([...running].map(async (worker) => await worker.terminate()))
    },
  }
}

async function outcomeOf(
  worker: Worker,
  work: Work,
  { cpuMsMax, memoryMegabytesMax }: ThreadLimits,
): Promise<Outcome> {
  const deadline = new AbortController()
  const ended = new AbortController()
  const end = (): void => ended.abort()
  worker.once('exit', end)
  const before = process.cpuUsage()
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(before)
    if ((user + system) / 1000 > cpuMsMax) deadline.abort()
  }, lookEveryMs)
  try {
    const outcome = once(worker, 'message', {
      signal: AbortSignal.any([deadline.signal, ended.signal]),
    })
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- it is a thread and no window
    worker.postMessage(work)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- work.ts sends nothing else
    const [answer] = (await outcome) as [Outcome]
    return answer
  } catch (error) {
    if (deadline.signal.aborted) {
      throw new DocumentUnreadable(`more than ${cpuMsMax / 1000} s of CPU time`, { cause: error })
    }
    if (isOutOfMemory(error)) {
      throw new DocumentUnreadable(`more than ${memoryMegabytesMax} MB of memory`, { cause: error })
    }
    throw error
  } finally {
    clearInterval(timer)
    worker.removeListener('exit', end)
  }
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
}
