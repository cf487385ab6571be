import { AppError } from '../errors.ts'
import type { EventLog } from '../events/log.ts'
import { newEvent } from '../events/new-event.ts'
import { alertsStream, type DomainEvent, type Position } from '../events/types.ts'
import { type Alert, alertOf, type StoredAlert } from './alert.ts'

export interface AcknowledgeOptions {
  readonly storedAlert: (id: string) => Promise<StoredAlert | undefined>
  readonly log: EventLog
  /** Resolves once the alerts have everything up to `position`. */
  readonly until: (position: Position) => Promise<void>
}

export type Acknowledgement = Extract<DomainEvent, { readonly type: 'AlertAcknowledged' }>['data']

/**
 * Notes that somebody has seen an alert, once; one that is resolved needs nobody any more.
 *
 * @throws AppError `alert_not_found`, `still_catching_up`
 */
export async function acknowledge(
  acknowledgement: Acknowledgement,
  options: AcknowledgeOptions,
): Promise<Alert> {
  const { log, until } = options
  const stored = await existing(acknowledgement.id, options)
  if (stored.acknowledged_at !== null || stored.resolved_at !== null) return alertOf(stored)
  const result = await log.append({
    stream: alertsStream,
    expected: 'any',
    events: [newEvent({ type: 'AlertAcknowledged', data: acknowledgement })],
  })
  if (result.outcome === 'appended') await until(result.events.at(-1)?.position ?? 0n)
  return alertOf(await existing(acknowledgement.id, options))
}

async function existing(id: string, { storedAlert }: AcknowledgeOptions): Promise<StoredAlert> {
  const stored = await storedAlert(id)
  if (stored === undefined) throw new AppError('alert_not_found', 'there is no alert of this id')
  return stored
}
