import { parentPort } from 'node:worker_threads'
import { DocumentUnreadable } from '../composer/document.ts'
import { runTask, type TaskName } from './tasks.ts'

/** What a thread is asked to do; see tasks.ts. */
export interface Work {
  readonly name: TaskName
  readonly body: Uint8Array
  readonly options: unknown
}

/** What came of it. Errors lose their class on the way between threads. */
export type Outcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string; readonly isUnreadable: boolean }

parentPort?.on('message', (work: Work) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- it is a thread and no window
  parentPort?.postMessage(outcomeOf(work))
})

function outcomeOf({ name, body: { buffer, byteOffset, length }, options }: Work): Outcome {
  try {
    const body = Buffer.from(buffer, byteOffset, length)
    return { ok: true, value: runTask(name, body, options) }
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    if (!(error instanceof DocumentUnreadable)) return { ok: false, message, isUnreadable: false }
    return { ok: false, message: error.message, isUnreadable: true }
  }
}
