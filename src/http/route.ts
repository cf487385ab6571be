import type { IncomingHttpHeaders } from 'node:http'

/** What a handler sees of a request. */
export interface RouteRequest {
  /** A route for GET is asked for HEAD too; the body of its answer is then not even begun. */
  readonly method: string
  /** A part of the path by the name that the route's path gives it, decoded; '' when it has no such. */
  readonly param: (name: string) => string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  /**
   * The whole body.
   *
   * @throws AppError `too_large` past 1 MiB.
   */
  readonly body: () => Promise<Buffer>
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** An iterable is streamed; when it throws, the connection is cut, so that no client takes it as whole. */
  readonly body?: Buffer | AsyncIterable<Buffer> | undefined
}

/** One endpoint as data: the router is built from a list of them. */
export interface Route {
  /** Who asks: decides how errors are written. */
  readonly surface: 'composer' | 'api'
  readonly method: 'get' | 'post'
  /** In the router's form: `/p2/:vendor/:file`. GET answers HEAD too. */
  readonly path: string
  readonly handle: (request: RouteRequest) => Promise<Answer>
}

/**
 * Not `application/json; charset=utf-8`: Composer shows a `warning` from the bare type only, and prints
 * raw bytes otherwise.
 */
export const jsonType = { 'Content-Type': 'application/json' } as const

export function jsonAnswer(status: number, value: unknown): Answer {
  return { status, headers: jsonType, body: Buffer.from(JSON.stringify(value)) }
}
