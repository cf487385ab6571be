import type { Append, EventLog } from '../../src/events/log.ts'

export interface RecordingLog {
  readonly log: EventLog
  /** What was appended, in order. */
  readonly appends: Append[]
  /** Whether appending fails. */
  readonly state: { failing: boolean }
}

/** A log that takes appends and is never read. */
export function createRecordingLog(): RecordingLog {
  const appends: Append[] = []
  const state = { failing: false }
  const append: EventLog['append'] = async (each) => {
    if (state.failing) throw new Error('no database')
    appends.push(each)
    return { outcome: 'appended', events: [] }
  }
  return { log: { append } as EventLog, appends, state } // nothing else of it is used
}
