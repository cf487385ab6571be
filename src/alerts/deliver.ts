import type { Logger } from 'pino'
import { addSeconds, type Instant } from '../time-machine/instant.ts'
import { alertOf, type StoredAlert } from './alert.ts'
import type { Deliveries, Delivery } from './deliveries.ts'
import type { Sent } from './send-webhook.ts'

/** An alert opened, or was resolved. */
export interface Transition {
  /** The same whenever it is asked for: what the receiver knows a repeated delivery by. */
  readonly id: string
  readonly transition: 'opened' | 'resolved'
  readonly at: Instant
  readonly alert: StoredAlert
}

export interface DeliverOptions {
  readonly deliveries: Deliveries
  /** What happened at or after, and isn't among the deliveries. */
  readonly undelivered: (since: Instant) => Promise<readonly Transition[]>
  readonly send: (body: string, signal: AbortSignal) => Promise<Sent>
  readonly now: () => Instant
  readonly logger: Logger
}

/** After this time nobody wants to be told any more. */
const daySeconds = 86_400
const pauseSecondsMin = 10
const pauseSecondsMax = 3_600
const deliveriesPerRunMax = 100

/**
 * Tells the webhook what it hasn't been told, each once at least. The first failure ends a run: a
 * receiver that is down is asked once in a while, and one that refuses a single delivery gets the
 * others with the next runs.
 */
export function createDeliver(options: DeliverOptions): (signal: AbortSignal) => Promise<void> {
  const { deliveries, undelivered, now } = options
  return async (signal) => {
    const found = await undelivered(addSeconds(now(), -daySeconds))
    await deliveries.add(found.map(deliveryOf), now())
    for (const delivery of await deliveries.due(now(), deliveriesPerRunMax)) {
      if (!(await deliver(delivery, signal, options))) break
    }
    // Not sooner: what is a day old at most would be found again.
    await deliveries.forget(addSeconds(now(), -2 * daySeconds))
  }
}

function deliveryOf({
  id,
  transition,
  at,
  alert,
}: Transition): Pick<Delivery, 'id' | 'alert_id' | 'at' | 'body'> {
  const body = JSON.stringify({ id, transition, at, alert: alertOf(alert) })
  return { id, alert_id: alert.id, at, body }
}

/** Whether it was delivered. Before it is noted a crash may come, and then it is delivered again. */
async function deliver(
  delivery: Delivery,
  signal: AbortSignal,
  { deliveries, send, now, logger }: DeliverOptions,
): Promise<boolean> {
  const { id, at, failures } = delivery
  const sent = await send(delivery.body, signal)
  if (sent.ok) {
    await deliveries.end(delivery, now())
    return true
  }
  // This node is stopping, which says nothing of the receiver.
  if (signal.aborted) return false
  const { problem } = sent
  const nextTryAt = addSeconds(now(), pauseSecondsAfter(failures))
  if (nextTryAt > addSeconds(at, daySeconds)) {
    logger.error({ delivery: id, failures, problem }, 'the alert webhook is not told: given up')
    await deliveries.end(delivery, now())
  } else {
    logger.warn({ delivery: id, failures, problem, nextTryAt }, 'the alert webhook is not told yet')
    await deliveries.postpone(delivery, nextTryAt)
  }
  return false
}

function pauseSecondsAfter(failures: number): number {
  return Math.min(pauseSecondsMin * 2 ** failures, pauseSecondsMax)
}
