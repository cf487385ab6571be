import type { IncomingHttpHeaders } from 'node:http'
import type { z } from 'zod'
import type { Client } from '../access/client.ts'
import type { Principal } from '../access/principal.ts'
import type { ErrorCode } from '../errors.ts'
import type { UploadLimits } from './receiving.ts'

/**
 * Who may ask. A route that has `:vendor` in its path is asked about that vendor's packages, others about all
 * there are.
 *
 * - `open`: anybody.
 * - `metrics`: anybody while METRICS_TOKEN isn't set and no vendor is reserved; then who shows that token, or may
 *   administer everything.
 * - `read`: anybody, unless the vendor is reserved or PUBLIC_READ is off: then whoever may read.
 * - `read_private`: who may read, of reserved vendors or not.
 * - `publish`, `admin`: who may do that.
 *
 * Of a route without `:vendor`, `read_private` and `publish` let pass who may do it with the packages of some
 * vendor; which those are is for the handler to see to, with `principal`.
 */
export type Policy = 'open' | 'metrics' | 'read' | 'read_private' | 'publish' | 'admin'

/** What a handler sees of a request. */
export interface RouteRequest {
  /** A route for GET is asked for HEAD too; the body of its answer is then not even begun. */
  readonly method: string
  /** A part of the path by the name that the route's path gives it, decoded; '' when it has no such. */
  readonly param: (name: string) => string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  /** Such as `1.1`. */
  readonly httpVersion: string
  /**
   * The whole body.
   *
   * @throws AppError `too_large` past 1 MiB.
   */
  readonly body: () => Promise<Buffer>
  /**
   * The body as it comes, in place of `body`, for a route that takes more.
   *
   * @throws AppError `upload_broke_off` from the pieces when they don't come within the limits.
   */
  readonly upload: (limits: UploadLimits) => {
    readonly bytes: AsyncIterable<Buffer>
    /** As the client announces it, if it does. */
    readonly sizeBytes: number | undefined
  }
  readonly principal: Principal
  /** Whose allowances this request is at the expense of. */
  readonly client: Client
  readonly requestId: string
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /**
   * An iterable is streamed; when it throws, the connection is cut, so that no client takes it as whole. No
   * more is asked for before what it gave has been sent.
   */
  readonly body?: Buffer | AsyncIterable<Buffer> | undefined
  /**
   * Called each time that the same is given again to somebody who asks in the same way; there when that may be done
   * as long as nothing happens. Nothing counted of the request but what again.ts looks at, and the body can be
   * gone through any number of times.
   */
  readonly onAgain?: (() => void) | undefined
}

/** The media type of a body; `anything` is Composer's own protocol, in which no right is needed to post. */
export type BodyType = 'application/json' | 'application/zip' | 'application/x-tar' | 'anything'

interface Endpoint {
  /** Has no default: what a route allows is said where the route is. */
  readonly policy: Policy
  readonly method: 'get' | 'post' | 'put' | 'delete'
  /** In the router's form: `/p2/:vendor/:file`. GET answers HEAD too. */
  readonly path: string
  /** What a route for another method than GET takes; JSON when left out. See same-site.ts. */
  readonly takes?: BodyType
  /** GET only; asked for so often that it counts what finding it by the router takes. */
  readonly straight?: boolean
  readonly handle: (request: RouteRequest) => Promise<Answer>
}

/** Composer's own protocol, which isn't ours to describe. */
export interface ComposerRoute extends Endpoint {
  readonly surface: 'composer'
}

/** For operators and their programs, described in openapi.json. */
export interface ApiRoute extends Endpoint {
  readonly surface: 'api'
  readonly operation: Operation
}

/** One endpoint as data: the router and openapi.json are built from one list of them. */
export type Route = ComposerRoute | ApiRoute

/** What openapi.json says of a route. */
export interface Operation {
  /** What generated clients call it. */
  readonly id: string
  readonly summary: string
  readonly description?: string | undefined
  readonly params?: z.ZodObject | undefined
  readonly query?: z.ZodObject | undefined
  readonly body?: z.ZodType | undefined
  /** Of each status that isn't an error, and what its body is; JSON unless it says otherwise. */
  readonly answers: Readonly<Record<number, DescribedAnswer>>
  /** What else it can come to, answered with problem details. */
  readonly errors: readonly ErrorCode[]
}

export interface DescribedAnswer {
  readonly description: string
  readonly schema: z.ZodType
  readonly contentType?: string
}

/**
 * Not `application/json; charset=utf-8`: Composer shows a `warning` from the bare type only, and prints
 * raw bytes otherwise.
 */
export const jsonType = { 'Content-Type': 'application/json' } as const

/** JSON that is true at this moment only, and so for no cache. */
export function jsonAnswer(status: number, value: unknown): Answer {
  const headers = { ...jsonType, 'Cache-Control': 'no-store' }
  return { status, headers, body: Buffer.from(JSON.stringify(value)) }
}
