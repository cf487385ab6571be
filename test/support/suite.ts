import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'
import { suite, type Callback, type Test } from 'uvu'
import { patientMs } from './slowness.ts'

const pollEveryMs = 20

/** How long something may stay open after the last test before that counts as forgotten. */
const lingerMs = patientMs(5_000)

/** Suites that have not been closed yet. */
let unfinished = 0

/** What the suites of this process are doing, for the last words of a process that hangs. */
let running = 'before the first test'

// The runner ends a file that is over its time limit with SIGTERM. uvu prints dots, not names, so
// without this a hang would not say which test it was in, nor end what the test had started.
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    process.stdout.write(`\nended while running: ${running}\n`)
    process.exit(1)
  })
}

/**
 * A uvu suite that cannot pass by accident.
 *
 * uvu 0.5.6 exits 0 when a `before` hook throws ("0 / n"), when `.run()` is forgotten, and when a test
 * throws something that is not an Error. Here a failed `open` fails every test of the suite, `.run()`
 * is called for you, and whatever is thrown arrives as an Error.
 *
 * `open` makes what the tests share; its `close`, when it has one, is called after the last test.
 */
export function describe<Context extends object>(
  name: string,
  open: () => Promise<Context & { close?(): Promise<void> }>,
  define: (test: Test<Context>) => void,
): void {
  const test = suite<Context>(name)
  let opened: { close?(): Promise<void> } | undefined
  let failure: Error | undefined
  test.before(async (context) => {
    running = `${name}: open`
    try {
      opened = Object.assign(context, await open())
    } catch (error) {
      failure = asError(error)
    }
  })
  test.before.each(() => {
    if (failure !== undefined) throw failure
  })
  unfinished += 1
  test.after(async () => {
    running = `${name}: close`
    try {
      await opened?.close?.()
    } finally {
      unfinished -= 1
      if (unfinished === 0) endAfterLinger()
    }
  })
  const guarded = (title: string, handler: Callback<Context>): Callback<Context> => {
    return async (context) => {
      running = `${name}: ${title}`
      try {
        await handler(context)
      } catch (error) {
        throw asError(error)
      }
    }
  }
  const add = (title: string, handler: Callback<Context>) => test(title, guarded(title, handler))
  const only: typeof add = (title, handler) => test.only(title, guarded(title, handler))
  // uvu only counts skipped tests; said this way, they are named too.
  const skip = (title = 'a test') => skipSuite(`${name}, ${title}`, 'test.skip')
  define(Object.assign(add, test, { only, skip }))
  test.run()
}

/**
 * Says, instead of `describe`, that a whole suite can't be run here and why (no Composer, no network).
 * It registers no test; the runner counts the line as one skipped test and repeats it.
 */
export function skipSuite(name: string, reason: string): void {
  process.stdout.write(`SKIPPED ${name}: ${reason}\n`)
}

/** uvu's `throws` is synchronous. Returns what the promise rejected with, for further assertions. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('expected a rejection')
}

/**
 * Asks `probe` every 20 ms until it answers with something truthy, and returns that.
 *
 * A probe that throws counts as "not yet", so it may contain assertions that are followed by
 * `return true`.
 *
 * @param what completes the sentence "after 10000 ms it is still not so that …".
 * @param options `timeoutMs` is for a quiet machine: 10 s when left out.
 * @throws Error with that sentence, and the probe's last error as its cause.
 */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  { timeoutMs = 10_000 }: { readonly timeoutMs?: number } = {},
): Promise<T> {
  const limitMs = patientMs(timeoutMs)
  const deadline = performance.now() + limitMs
  for (;;) {
    let cause: unknown
    try {
      const answer = await probe()
      if (answer) return answer
    } catch (error) {
      cause = error
    }
    if (performance.now() > deadline) {
      throw new Error(`after ${limitMs} ms it is still not so that ${what}`, { cause })
    }
    await delay(pollEveryMs)
  }
}

/**
 * A server or child process that a test forgot would keep this process until the runner's time limit.
 * The timer itself keeps nothing: it fires only when something else is still open.
 */
function endAfterLinger(): void {
  const end = (): void => {
    if (unfinished > 0) return // Another suite was described meanwhile.
    const open = process.getActiveResourcesInfo().join(', ')
    process.stdout.write(`still open ${lingerMs} ms after the last test: ${open}\n`)
    process.exit(1)
  }
  setTimeout(end, lingerMs).unref()
}

/** uvu prints an Error's message and stack, but not its cause, and only an Error at all. */
function asError(thrown: unknown): Error {
  if (!(thrown instanceof Error)) return new Error(`thrown: ${inspect(thrown)}`)
  if (thrown.cause !== undefined) thrown.stack += `\ncaused by ${inspect(thrown.cause)}`
  if (thrown.message === '') thrown.message = inspect(thrown)
  return thrown
}
