import { decides } from '../request-context.ts'
import type { Observer } from './observer.ts'

/** Has the log line of a request say where its answer came from; for an archive, metadata is asked as well. */
export const decisions: Partial<Observer> = {
  cacheUsed: ({ kind, result }) => decides(result, { final: kind === 'archives' }),
}
