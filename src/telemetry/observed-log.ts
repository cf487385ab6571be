import type { EventLog } from '../events/log.ts'
import type { Observer } from './observer.ts'

/** The same log; each append is told to the observer. */
export function observedLog(log: EventLog, { appended }: Pick<Observer, 'appended'>): EventLog {
  return {
    ...log,
    async append(append) {
      try {
        const result = await log.append(append)
        appended(result.outcome, result.outcome === 'appended' ? result.events : [])
        return result
      } catch (error) {
        appended('failed', [])
        throw error
      }
    },
  }
}
