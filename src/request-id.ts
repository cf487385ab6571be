import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import { z } from 'zod'

const form = /^[A-Za-z0-9-]{8,64}$/
/** Names one request in its answer, in the log and in what it wrote; ours, or the client's own. */
export const RequestId = z.string().regex(form)

const running = new AsyncLocalStorage<string>()

/** The client's id when it is one that can go into a log line as it is, or else a new one. */
export function requestIdOf(sent: unknown): string {
  return typeof sent === 'string' && form.test(sent) ? sent : randomUUID()
}

/** All that `work` does, and what it leaves running, belongs to the request. */
export async function asRequest(requestId: string, work: () => Promise<void>): Promise<void> {
  await running.run(requestId, work)
}

/** undefined: no request caused what is running now. */
export function currentRequestId(): string | undefined {
  return running.getStore()
}
