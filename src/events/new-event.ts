import { randomUUID } from 'node:crypto'
import type { DomainEvent, NewEvent } from './types.ts'

/** Gives an event its id, before the first try to append it. */
export function newEvent(event: DomainEvent): NewEvent {
  return { ...event, id: randomUUID() }
}
