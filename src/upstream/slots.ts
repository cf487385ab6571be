import { type Client, ownWork } from '../access/client.ts'
import type { Askers } from '../request-context.ts'
import { NotAsked } from './failures.ts'

/**
 * A limit to how much happens at once; what comes later waits in line. The line is fair by client: those with a token
 * come first, then who has the fewest slots, then who came first. So what one client asks for costs another nothing
 * but the slots that it has.
 */
export interface Slots {
  /**
   * Does the work when a slot is free.
   *
   * @throws NotAsked when the line is too long, or `signal` aborts while waiting in it.
   */
  readonly use: <Outcome>(asked: Asked, work: () => Promise<Outcome>) => Promise<Outcome>
}

export interface Asked {
  readonly signal: AbortSignal
  /** The one of them that comes first counts. */
  readonly askers: Askers
}

const busyRetryAfterSeconds = 5

export interface SlotsOptions {
  readonly slotsMax: number
  /** One client has no more, so that another's first request finds one. */
  readonly slotsPerClientMax: number
  readonly waitingMax: number
}

interface Waiting {
  readonly clients: Askers['clients']
  readonly goOn: (client: Client) => void
  readonly giveUp: () => void
}

export function createSlots(options: SlotsOptions): Slots {
  const waiting = new Set<Waiting>()
  const slots = createHeld(options)

  /** Looks at all who wait, since more clients may want the same by now. */
  function letGoOn(): void {
    while (slots.areLeft()) {
      const next = firstOf(waiting, slots)
      if (next === undefined) return
      waiting.delete(next.waiting)
      slots.hold(next.client)
      next.waiting.goOn(next.client)
    }
  }
  async function wait({ signal, askers }: Asked): Promise<Client> {
    const { clients } = askers
    return await new Promise<Client>((resolve, reject) => {
      const stopListening = askers.onMore(letGoOn)
      function end(): void {
        signal.removeEventListener('abort', self.giveUp)
        stopListening()
      }
      const self: Waiting = {
        clients,
        goOn(client) {
          end()
          resolve(client)
        },
        giveUp() {
          end()
          waiting.delete(self)
          reject(busy())
        },
      }
      waiting.add(self)
      signal.addEventListener('abort', self.giveUp, { once: true })
      letGoOn()
    })
  }

  return {
    async use(asked, work) {
      if (asked.signal.aborted) throw busy()
      if (waiting.size >= options.waitingMax) {
        lastOfTheCrowd(waiting, asked.askers.clients())?.giveUp()
        if (waiting.size >= options.waitingMax) throw busy()
      }
      const client = await wait(asked)
      try {
        return await work()
      } finally {
        slots.release(client)
        letGoOn()
      }
    },
  }
}

interface Held {
  readonly areLeft: () => boolean
  readonly of: (client: Client) => number
  readonly mayHaveMore: (client: Client) => boolean
  readonly hold: (client: Client) => void
  readonly release: (client: Client) => void
}

/** Who has how many slots. */
function createHeld({ slotsMax, slotsPerClientMax }: SlotsOptions): Held {
  const held = new Map<Client['key'], number>()
  let taken = 0
  const of = ({ key }: Client): number => held.get(key) ?? 0
  return {
    areLeft: () => taken < slotsMax,
    of,
    // Jobs have limits of their own.
    mayHaveMore: (client) => client.key === ownWork.key || of(client) < slotsPerClientMax,
    hold(client) {
      taken += 1
      held.set(client.key, of(client) + 1)
    },
    release(client) {
      taken -= 1
      const left = of(client) - 1
      if (left === 0) held.delete(client.key)
      else held.set(client.key, left)
    },
  }
}

interface Next {
  readonly waiting: Waiting
  /** As whose it counts. */
  readonly client: Client
}

function firstOf(waiting: ReadonlySet<Waiting>, slots: Held): Next | undefined {
  const isBefore = (one: Client, other: Client): boolean =>
    one.hasToken === other.hasToken ? slots.of(one) < slots.of(other) : one.hasToken
  let first: Next | undefined
  for (const each of waiting) {
    for (const client of each.clients()) {
      if (!slots.mayHaveMore(client)) continue
      if (first === undefined || isBefore(client, first.client)) first = { waiting: each, client }
    }
  }
  return first
}

interface Crowd {
  readonly client: Client
  readonly count: number
  readonly last: Waiting | undefined
}

/**
 * Who has to leave a full line for a newcomer: the last one of the client that has the most in it, and without a token
 * if there is any; undefined: the newcomer itself. What several clients want stays.
 */
function lastOfTheCrowd(
  waiting: ReadonlySet<Waiting>,
  newcomers: readonly Client[],
): Waiting | undefined {
  const crowds = new Map<Client['key'], Crowd>()
  function count(client: Client, last: Waiting | undefined): void {
    const before = crowds.get(client.key)?.count ?? 0
    crowds.set(client.key, {
      client,
      count: before + 1,
      last: last ?? crowds.get(client.key)?.last,
    })
  }
  for (const each of waiting) {
    const [client, ...others] = each.clients()
    if (client !== undefined && others.length === 0) count(client, each)
  }
  for (const client of newcomers) count(client, undefined)
  const [crowd] = [...crowds.values()].toSorted((one, other) => {
    return Number(one.client.hasToken) - Number(other.client.hasToken) || other.count - one.count
  })
  const isItself = newcomers.some(({ key }) => key === crowd?.client.key)
  return isItself ? undefined : crowd?.last
}

function busy(): NotAsked {
  return new NotAsked('too many requests are waiting for upstream', busyRetryAfterSeconds)
}
