import { createAllowance } from '../access/allowance.ts'
import type { Client } from '../access/client.ts'
import { createShared } from '../access/share.ts'
import { type Instant, msOfInstant } from '../time-machine/instant.ts'
import { dayOf } from '../time-machine/utc-period.ts'

/** What clients may cost by asking for names that nobody has asked for yet: most of those somebody makes up don't exist. */
export interface LookupBudget {
  /**
   * Has upstream asked for such a name, at the client's expense unless it turns out that it costs nothing.
   *
   * @throws AppError `allowance_used_up` when the client has asked for too many.
   */
  readonly spend: <Outcome>(
    client: Client,
    ask: () => Promise<{ readonly outcome: Outcome; readonly isFree: boolean }>,
  ) => Promise<Outcome>
  /** Whether one more event may say that there is no such name: events stay for good. */
  readonly mayRecord: (client: Client) => boolean
}

/** A large project's update asks at once for some hundred names that belong to other repositories, each as two documents. */
const burst = 1_000
/** Such an update each ten minutes. */
const perSecond = 2
/** Twice what a large project has; once recorded, a name is not recorded again as long as there is no such. */
const eventsPerClient = 2_000
/** Ten such projects in a day, and at 1 KB for each name 20 MB at most. */
const eventsInAll = 20_000
/** Of these, for clients that took little: five can't use up what ten others need for what they have of other repositories. */
const eventsKept = { count: 2_000, below: 200 }

export function createLookupBudget(now: () => Instant): LookupBudget {
  const message =
    'this client has asked for too many names lately that upstream has no packages of; ask again later'
  const requests = createAllowance({ burst, perSecond, message, nowMs: () => msOfInstant(now()) })
  const events = createShared({
    perClient: eventsPerClient,
    inAll: eventsInAll,
    withoutToken: eventsInAll / 2,
    kept: eventsKept,
    period: () => dayOf(now()),
  })
  return {
    async spend(client, ask) {
      const { giveBack } = await requests.take(client)
      const { outcome, isFree } = await ask()
      if (isFree) giveBack()
      return outcome
    },
    mayRecord: (client) => events.take(client) !== undefined,
  }
}
