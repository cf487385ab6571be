import type { Logger } from 'pino'
import { AppError } from '../errors.ts'
import { answerError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { Answer, Route } from './route.ts'
import { send } from './send.ts'

export interface FailOptions {
  readonly logger: Logger
  /** Tells an expected failure of what is behind the routes from a bug, which it gives back as it is. */
  readonly translate: (error: unknown) => unknown
}

export interface Failure {
  readonly thrown: unknown
  readonly surface: Route['surface']
  /** Called with the answer before it is sent. */
  readonly finish?: (answer: Answer) => Answer
}

/** Answers with what went wrong; an answer that has begun is cut off. */
export type Fail = (exchange: Exchange, failure: Failure) => Promise<void>

export function createFail({ logger, translate }: FailOptions): Fail {
  return async (exchange, { thrown, surface, finish = asItIs }) => {
    const error = translate(thrown)
    const { request, response, path, requestId } = exchange
    exchange.decision = error instanceof AppError ? error.code : 'internal'
    if (response.destroyed && response.headersSent) return // The client left.
    if (!(error instanceof AppError)) {
      logger.error({ err: error, path }, `${request.method ?? ''} ${path} failed`)
    }
    // Reset, not closed: where the length isn't told, an HTTP/1.0 client takes an end for the end.
    if (response.headersSent) response.socket?.resetAndDestroy()
    else await send(exchange, finish(answerError(error, { surface, requestId })))
  }
}

function asItIs(answer: Answer): Answer {
  return answer
}
