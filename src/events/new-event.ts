import { randomUUID } from 'node:crypto'
import { DomainEvent, type NewEvent } from './types.ts'

/**
 * Gives an event its id, before the first try to append it.
 *
 * @throws ZodError for what its own schema doesn't take: nothing may be recorded that can't be read.
 */
export function newEvent(event: DomainEvent): NewEvent {
  return { ...DomainEvent.parse(event), id: randomUUID() }
}
