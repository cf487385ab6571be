import { z } from 'zod'
import { Problem, statusOf } from './errors.ts'
import { endpoint } from './endpoint.ts'
import type { ApiRoute, Operation, Route } from './route.ts'

/**
 * `/api/v1/openapi.json`: what the API is, from the list that the router is built of. It takes the token
 * like all below `/api/v1`, so that nothing there has to be told apart for those who have none.
 *
 * @param routes all others; those of Composer's protocol are left out.
 */
export function openApi(routes: readonly Route[], version: string): ApiRoute {
  const own: ApiRoute = endpoint({
    policy: 'admin',
    method: 'get',
    path: '/api/v1/openapi.json',
    id: 'readOpenApi',
    summary: 'This description',
    result: z.looseObject({ openapi: z.string() }).describe('An OpenAPI 3.1 document.'),
    handle: async () => document,
  })
  const document = describe([...routes, own], version)
  return own
}

function describe(routes: readonly Route[], version: string) {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    if (route.surface !== 'api') continue
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method]: describeOperation(route) }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Almanac',
      version,
      summary: 'The API for operators of a Composer repository that remembers',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'Where this document is' }],
    paths,
    components: {
      schemas: { Problem: jsonSchema(Problem) },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'Issued with a grant for this.' },
        adminToken: { type: 'http', scheme: 'bearer' },
        metricsToken: { type: 'http', scheme: 'bearer' },
        password: {
          type: 'http',
          scheme: 'basic',
          description: 'Any of these tokens as the password, with any user name.',
        },
      },
    },
  }
}

function describeOperation({
  policy,
  operation,
  takes,
}: ApiRoute): Readonly<Record<string, unknown>> {
  const { id, summary, description, params, query, body } = operation
  return {
    operationId: id,
    summary,
    ...(description === undefined ? {} : { description }),
    security: securityOf[policy],
    parameters: [...parametersIn('path', params), ...parametersIn('query', query)],
    ...(body === undefined ? {} : { requestBody: describeBody(body) }),
    ...(takes === undefined ? {} : { requestBody: describeUpload(takes) }),
    responses: responsesOf(operation),
  }
}

const shown = [{ token: [] }, { adminToken: [] }, { password: [] }] as const

/** A scraper may do without a token where none is set, and so may whoever reads what is public. */
const securityOf = {
  open: [],
  metrics: [{}, { metricsToken: [] }, ...shown],
  read: [{}, ...shown],
  read_private: shown,
  publish: shown,
  admin: shown,
} as const

function parametersIn(place: 'path' | 'query', schema: z.ZodObject | undefined) {
  return Object.entries(schema?.shape ?? {}).map(([name, part]) => {
    const described = jsonSchema(z.object({ part }))
    const { part: partSchema } = Object(described['properties'])
    return { name, in: place, required: described['required'] !== undefined, schema: partSchema }
  })
}

function describeBody(body: z.ZodType) {
  const required = !body.safeParse({}).success
  return { required, content: { 'application/json': { schema: jsonSchema(body) } } }
}

/** Bytes, which have no schema. */
function describeUpload(type: string) {
  return { required: true, content: { [type]: {} } }
}

function responsesOf({ answers, errors }: Operation): Readonly<Record<string, unknown>> {
  const responses: Record<string, unknown> = {}
  for (const [status, { description, schema, contentType }] of Object.entries(answers)) {
    const content = { [contentType ?? 'application/json']: { schema: jsonSchema(schema) } }
    responses[status] = { description, content }
  }
  for (const { status, title } of errors.map(statusOf)) {
    responses[status] ??= { description: title, content: problem }
  }
  return { ...responses, default: { description: 'Any other failure', content: problem } }
}

const problem = {
  'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
} as const

/** As it is sent, which for what goes out is the same: answers have no transforms. */
function jsonSchema(schema: z.ZodType): Readonly<Record<string, unknown>> {
  const { $schema: _dialect, ...described } = z.toJSONSchema(schema, { io: 'input' })
  return described
}
