import { z } from 'zod'
import { actorOf, type Principal } from '../access/principal.ts'
import type { ErrorCode } from '../errors.ts'
import { readBody, readParams, readQuery } from './input.ts'
import { type ApiRoute, jsonAnswer, type Operation, type Policy } from './route.ts'

const Nothing = z.strictObject({})
type Nothing = typeof Nothing

export interface EndpointOptions<
  Result extends z.ZodType,
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
> {
  readonly policy: Policy
  readonly method: ApiRoute['method']
  readonly path: string
  /** What generated clients call it. */
  readonly id: string
  readonly summary: string
  readonly description?: string
  /** Of the path, each as text. */
  readonly params?: Params
  /** A strict object: what it doesn't name is refused. Each is sent once at most, as text. */
  readonly query?: Query
  /** JSON, strict objects. When none is sent, it is an object without fields. */
  readonly body?: Body
  /** 200 when left out. */
  readonly status?: 200 | 201 | 202
  readonly result: Result
  /** Beside those that follow from the policy and from what is sent. */
  readonly errors?: readonly ErrorCode[]
  readonly handle: (input: Input<Params, Query, Body>) => Promise<z.input<Result>>
}

interface Input<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> {
  readonly params: z.output<Params>
  readonly query: z.output<Query>
  readonly body: z.output<Body>
  /** With `requestId` and the body's `reason`: what the event of an admin write says, see `written`. */
  readonly actor: string
  readonly principal: Principal
  readonly requestId: string
}

/**
 * A route of the API from the schemas of what goes in and out, which also document it. What is sent is
 * checked before `handle` sees it; what `handle` returns goes out as `result` has it, and no field more.
 */
export function endpoint<
  Result extends z.ZodType,
  Params extends z.ZodObject = Nothing,
  Query extends z.ZodObject = Nothing,
  Body extends z.ZodType = Nothing,
>(options: EndpointOptions<Result, Params, Query, Body>): ApiRoute {
  const { policy, method, path, status = 200, result, errors = [], handle } = options
  const { id, summary, description, params, query, body } = options
  return {
    surface: 'api',
    policy,
    method,
    path,
    operation: {
      id,
      summary,
      description,
      params,
      query,
      body,
      answers: { [status]: { description: summary, schema: result } },
      errors: [...impliedErrors(options), ...errors],
    },
    async handle(request) {
      const { principal, requestId } = request
      const returned = await handle({
        params: readParams(request, orNothing(params)),
        query: readQuery(request, orNothing(query)),
        body: await readBody(request, orNothing(body)),
        actor: actorOf(principal),
        principal,
        requestId,
      })
      return jsonAnswer(status, result.parse(returned))
    },
  }
}

function orNothing<Schema extends z.ZodType>(schema: Schema | undefined): Schema {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- left out, Schema is its default
  return schema ?? (Nothing as z.ZodType as Schema)
}

function impliedErrors({
  policy,
  method,
  body,
}: Pick<ApiRoute, 'policy' | 'method'> & Pick<Operation, 'body'>): readonly ErrorCode[] {
  return [
    'invalid_request',
    ...(policy === 'open' ? [] : (['unauthorized', 'forbidden', 'database_unavailable'] as const)),
    ...(body === undefined ? [] : (['too_large'] as const)),
    ...(method === 'get' ? [] : (['cross_site', 'unsupported_media_type'] as const)),
  ]
}
