import { setTimeout as delay } from 'node:timers/promises'
import type { UpstreamAnswer } from './exchange.ts'
import { NotAsked, UpstreamFailure } from './failures.ts'

const triesMax = 3
/** The first retry comes within this, the second within its double. */
const delayMsMax = 250

/**
 * Asks up to three times while that may help: the connection broke, or upstream failed without saying
 * for how long. For requests only that may be made twice.
 *
 * @param options.signal ends the trying; what is there by then is the outcome.
 */
export async function retried<Body>(
  ask: () => Promise<UpstreamAnswer<Body>>,
  { random, signal }: { readonly random: () => number; readonly signal: AbortSignal },
): Promise<UpstreamAnswer<Body>> {
  let last: PromiseSettledResult<UpstreamAnswer<Body>> | undefined
  for (let tries = 1; ; tries++) {
    const [result] = await Promise.allSettled([ask()])
    // A retry that wasn't made doesn't hide what came of the try before it.
    if (last !== undefined && isNotAsked(result)) return outcomeOf(last)
    if (tries === triesMax || !isTransient(result)) return outcomeOf(result)
    last = result
    try {
      await delay(random() * delayMsMax * 2 ** (tries - 1), undefined, { signal })
    } catch {
      return outcomeOf(result)
    }
  }
}

type Result = PromiseSettledResult<Pick<UpstreamAnswer<unknown>, 'isTransient'>>

function isTransient(result: Result): boolean {
  if (result.status === 'fulfilled') return result.value.isTransient
  return result.reason instanceof UpstreamFailure && result.reason.reason === 'connection'
}

function isNotAsked(result: Result): boolean {
  return result.status === 'rejected' && result.reason instanceof NotAsked
}

function outcomeOf<Value>(result: PromiseSettledResult<Value>): Value {
  if (result.status === 'rejected') throw result.reason
  return result.value
}
