import { randomUUID } from 'node:crypto'
import { z } from 'zod'

const form = /^[A-Za-z0-9-]{8,64}$/
/** Names one request in its answer, in the log and in what it wrote; ours, or the client's own. */
export const RequestId = z.string().regex(form)

/** The client's id when it is one that can go into a log line as it is, or else a new one. */
export function requestIdOf(sent: unknown): string {
  return typeof sent === 'string' && form.test(sent) ? sent : randomUUID()
}
