import type { PackageName } from './composer/names.ts'
import type { EventLog } from './events/log.ts'
import { newEvent } from './events/new-event.ts'
import {
  type DomainEvent,
  packageStream,
  type Position,
  type RecordedEvent,
} from './events/types.ts'

interface Deciding {
  readonly log: EventLog
  /** Resolves once the read models have everything up to `position`. */
  readonly until: (position: Position) => Promise<void>
}

export interface DecideOptions extends Deciding {
  readonly packageName: PackageName
}

const eventsPerRead = 500
const conflictsMax = 10

/**
 * Decides from what was decided about a package before, and records that.
 *
 * @param decide may be called again, when somebody else decided meanwhile; undefined: nothing is to be
 * recorded.
 * @returns all that was decided about the package by then.
 */
export async function decideOnPackage(
  { log, until, packageName }: DecideOptions,
  decide: (before: readonly RecordedEvent[]) => Promise<DomainEvent | undefined>,
): Promise<readonly RecordedEvent[]> {
  return await decideOnStream({ log, until, stream: packageStream(packageName) }, decide)
}

/** The same for what is recorded in another stream. */
export async function decideOnStream(
  { log, until, stream }: Deciding & { readonly stream: string },
  decide: (before: readonly RecordedEvent[]) => Promise<DomainEvent | undefined>,
): Promise<readonly RecordedEvent[]> {
  for (let conflicts = 0; conflicts <= conflictsMax; conflicts++) {
    const before = await readAll(log, stream)
    const event = await decide(before)
    if (event === undefined) {
      // Another node may have recorded it, whose events aren't here yet.
      await until(before.at(-1)?.position ?? 0n)
      return before
    }
    const expected = before.length
    const result = await log.append({ stream, expected, events: [newEvent(event)] })
    if (result.outcome === 'conflict') continue
    await until(result.events.at(-1)?.position ?? 0n)
    return [...before, ...result.events]
  }
  throw new Error(`${stream}: too many concurrent appends`)
}

async function readAll(log: EventLog, stream: string): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for (;;) {
    const more = await log.readStream(stream, { after: events.length, limit: eventsPerRead })
    events.push(...more)
    if (more.length < eventsPerRead) return events
  }
}
