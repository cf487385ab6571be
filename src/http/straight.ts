import type { IncomingMessage, ServerResponse } from 'node:http'
import { anonymous } from '../access/principal.ts'
import { isPlain, type Repeat, type Repeats } from './again.ts'
import type { AnswerFrom, Params } from './answer.ts'
import {
  beginExchange,
  duringExchange,
  endExchange,
  type Exchange,
  type ExchangeOptions,
} from './exchange.ts'
import type { Fail } from './fail.ts'
import type { Answer, Route } from './route.ts'
import { send } from './send.ts'

interface Straight {
  readonly route: Route
  readonly params: Params
}

export interface StraightOptions extends ExchangeOptions {
  readonly repeats: Repeats
  readonly answerFrom: AnswerFrom
  readonly fail: Fail
}

/**
 * Answers requests for straight routes past Koa and its router, which together took half as long as the rest
 * of a small answer. Whatever is left to them gives false.
 */
export function createStraight(
  routes: readonly Route[],
  options: StraightOptions,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const { repeats, answerFrom, fail, logger } = options
  const find = straightTo(routes)
  const onError = (error: unknown) => logger.warn({ err: error }, 'a response could not be sent')

  function answerAgain(exchange: Exchange, { route, answer }: Repeat): void {
    answer.onAgain?.()
    exchange.principal = anonymous
    exchange.decision = 'hit'
    if (Buffer.isBuffer(answer.body)) {
      // The shortest way there is: at 500 KB, a promise more or less could be measured.
      void send(exchange, answer)
      return endExchange(exchange, options)
    }
    const { surface } = route
    async function work(): Promise<void> {
      await send(exchange, answer)?.catch(async (thrown: unknown) => {
        await fail(exchange, { thrown, surface })
      })
    }
    duringExchange(exchange, work, options).catch(onError)
  }
  function answerAnew(exchange: Exchange, { route, params }: Straight): void {
    const { request, path } = exchange
    const keepIt = isPlain(request) ? repeats.begin() : undefined
    const keep = (answer: Answer) => keepIt?.(path, { route, answer })
    const work = async () => await answerFrom(exchange, route, { params, keep })
    duringExchange(exchange, work, options).catch(onError)
  }
  return (request, response) => {
    const path = request.url ?? ''
    const repeat = isPlain(request) ? repeats.get(path) : undefined
    const found = repeat ?? find(request.method, path)
    if (found === undefined) return false
    // Such as what is written to a client that has left: it is no reason to end.
    response.on('error', onError)
    const { route } = found
    const exchange = beginExchange({ request, response, path, querystring: '', route }, options)
    if ('answer' in found) answerAgain(exchange, found)
    else answerAnew(exchange, found)
    return true
  }
}

/** In a segment of these, nothing stands for anything else: decoded, it is the same. */
const plain = String.raw`[\w.~@+-]+`

/**
 * The way to those routes that are `straight`, for requests that name one in its plainest form. What isn't
 * found here is for the router to find, which knows all routes and all forms; what is found here, the router
 * would find as well, with the same parameters.
 */
export function straightTo(
  routes: readonly Route[],
): (method: string | undefined, path: string) => Straight | undefined {
  const found = routes.filter(({ straight = false }) => straight)
  const known = found.map((route) => ({ route, expression: expressionOf(route) }))
  return (method, path) => {
    if (method !== 'GET' && method !== 'HEAD') return undefined
    for (const { route, expression } of known) {
      const match = expression.exec(path)
      if (match !== null) return { route, params: match.groups ?? {} }
    }
    return undefined
  }
}

/** Of its path, without what may be left out at the end. */
function expressionOf({ path }: Route): RegExp {
  const whole = path.replace(/\{[^{}]*\}$/, '').replaceAll(/:(\w+)/g, `(?<$1>${plain})`)
  return new RegExp(`^${whole}$`)
}
