import { randomUUID } from 'node:crypto'
import { DomainEvent, type NewEvent } from './types.ts'

/** What an event would tell can't be recorded: it isn't as its schema says, or there is too much of it. */
export class NotRecordable extends Error {
  override readonly name = 'NotRecordable'
}

/**
 * Gives an event its id, before the first try to append it.
 *
 * @throws NotRecordable: nothing may be recorded that can't be read.
 */
export function newEvent(event: DomainEvent): NewEvent {
  const parsed = DomainEvent.safeParse(event)
  if (!parsed.success) {
    throw new NotRecordable(`${event.type} is not as its schema says`, { cause: parsed.error })
  }
  return { ...parsed.data, id: randomUUID() }
}
