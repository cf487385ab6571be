import { Readable } from 'node:stream'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { AppError } from '../../src/errors.ts'
import { Reason, written } from '../../src/events/event-schema.ts'
import { endpoint } from '../../src/http/endpoint.ts'
import type { RouteRequest } from '../../src/http/route.ts'
import { describe, rejection } from '../support/suite.ts'

const route = endpoint({
  policy: 'admin',
  method: 'post',
  path: '/api/v1/things/:name',
  id: 'changeThing',
  summary: 'Changes a thing',
  params: z.strictObject({ name: z.string().regex(/^[a-z]+$/, 'must be lower case') }),
  query: z.strictObject({ limit: z.coerce.number().int().min(1).max(10).default(5) }),
  body: z.strictObject({
    scope: z.enum(['all', 'some']).default('all'),
    names: z.array(z.string().max(3)).max(2).optional(),
    reason: Reason.optional(),
  }),
  status: 201,
  result: z.object({ name: z.string(), limit: z.int(), scope: z.string(), by: z.string() }),
  handle: async ({ params, query, body, actor, requestId }) => {
    const by = `${actor} ${requestId}`
    return { name: params.name, limit: query.limit, scope: body.scope, by, secret: 'kept' }
  },
})

interface Sent {
  readonly name?: string
  readonly query?: string
  readonly body?: string | Buffer
  readonly type?: string
}

function request({ name = 'abc', query = '', body = '', type }: Sent): RouteRequest {
  return {
    method: 'POST',
    param: () => name,
    query: new URLSearchParams(query),
    httpVersion: '1.1',
    headers: { 'content-type': type ?? 'application/json' },
    body: async () => Buffer.from(body),
    upload: () => ({ bytes: Readable.from([]), sizeBytes: undefined }),
    principal: { kind: 'admin' as const },
    client: { key: 'admin', hasToken: true },
    requestId: 'request-1',
  }
}

async function refusal(sent: Sent): Promise<string> {
  const error = await rejection(route.handle(request(sent)))
  return error instanceof AppError ? `${error.code}: ${error.message}` : String(error)
}

describe(
  'an endpoint',
  async () => ({}),
  (test) => {
    test('gets what was sent as its schemas have it, and answers only what its schema names', async () => {
      const { status, headers, body } = await route.handle(
        request({
          query: 'limit=7',
          body: '{"scope":"some"}',
          type: 'application/json; charset=utf-8',
        }),
      )
      assert.is(status, 201)
      assert.is(headers['Cache-Control'], 'no-store')
      const expected = { name: 'abc', limit: 7, scope: 'some', by: 'admin request-1' }
      assert.equal(JSON.parse(body instanceof Buffer ? body.toString() : ''), expected)
    })

    test('takes no body at all as an object without fields', async () => {
      assert.is((await route.handle(request({}))).status, 201)
    })

    test('says which field is wrong and what it may be', async () => {
      const cases: readonly (readonly [Sent, string])[] = [
        [{ body: '{' }, 'the body is not JSON in UTF-8'],
        [{ body: Buffer.from([0x22, 0xff, 0x22]) }, 'the body is not JSON in UTF-8'],
        [{ body: '[]' }, 'the body must be of the type object'],
        [{ body: '{"scope":"none"}' }, 'body: scope must be one of all, some'],
        [
          { body: '{"scop":"all"}' },
          'the body has scop, which means nothing here; it may have scope, names, reason',
        ],
        [{ body: '{"names":["long"]}' }, 'body: names.0 must have at most 3 characters'],
        [{ body: '{"names":["a","b","c"]}' }, 'body: names must have at most 2 items'],
        [{ body: '{"reason":""}' }, 'body: reason must have at least 1 characters'],
        [{ query: 'limit=11' }, 'query: limit must be at most 10'],
        [{ query: 'limit=x' }, 'query: limit must be of the type number'],
        [{ query: 'limit=1&limit=2' }, 'the query names limit more than once'],
        [{ query: 'at=2026' }, 'the query has at, which means nothing here; it may have limit'],
        [{ name: 'A' }, 'path: name must be lower case'],
      ]
      for (const [sent, sentence] of cases) {
        assert.is(await refusal(sent), `invalid_request: ${sentence}`)
      }
    })
  },
)

describe(
  'a reason',
  async () => ({}),
  (test) => {
    test('takes the ids that requests have', () => {
      const { requestId, actor } = written
      assert.ok(requestId.safeParse('3f0c4a52-7d5e-4c52-9a55-7a0c3d6c9b11').success)
      assert.ok(actor.safeParse('admin').success)
    })

    test('has a reason of one line that can be stored', () => {
      for (const text of ['CVE-2026-1234', 'ça va, 日本 👍']) assert.is(Reason.parse(text), text)
      for (const text of ['', 'a\0b', 'a\nb', '\ud800', 'x'.repeat(501)]) {
        assert.is(Reason.safeParse(text).success, false, JSON.stringify(text))
      }
    })
  },
)
