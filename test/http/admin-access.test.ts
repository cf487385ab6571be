import { createConfig, lintFromString } from '@redocly/openapi-core'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { Problem } from '../../src/http/errors.ts'
import type { Policy } from '../../src/http/route.ts'
import { adminToken, metricsToken, pathOf } from '../support/api.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const wrongToken = 'admin-token-of-the-tests-9876543210'

/** Of what `policies` doesn't name: all of the API is for who has a token that allows it. */
function policyBelow(method: string, path: string): Policy {
  if (!path.startsWith('/api/v1/')) return 'open'
  if (!path.startsWith('/api/v1/packages')) return 'admin'
  return method === 'get' ? 'read_private' : 'publish'
}

async function checkAccess(
  { api, routes }: Service,
  policies: Readonly<Record<string, Policy>>,
): Promise<void> {
  for (const route of routes()) {
    const { method, policy, surface } = route
    const path = pathOf(route)
    const expected = policies[path] ?? policyBelow(method, path)
    assert.is(policy, expected === 'open' ? policy : expected, `the policy of ${path}`)
    for (const token of [undefined, wrongToken]) {
      const answer = await api(method, path, { token })
      assert.is(answer.status === 401, expected !== 'open', `${method} ${path}: ${answer.status}`)
      if (answer.status !== 401) continue
      assert.match(answer.headers['www-authenticate'] ?? '', /^Bearer /)
      const problem = Problem.parse(answer.body)
      assert.is(problem.code, 'unauthorized')
      assert.match(problem.detail, /_TOKEN/)
    }
    const { status } = await api(method, path)
    assert.is.not(status, 401, `${method} ${path} with the token`)
    if (surface === 'api') assert.ok(status < 500, `${method} ${path}: ${status}`)
  }
}

describe('who may ask for what', startService, (test) => {
  test('the API is for those who have the token, whatever is asked; all else is open', async (service) => {
    await checkAccess(service, { '/metrics': 'open' })
  })

  test('without the token, what is there below /api looks like what is not', async ({ api }) => {
    const [known, ...others] = await Promise.all([
      api('GET', '/api/v1/openapi.json', { token: undefined }),
      api('GET', '/api/v1/nothing', { token: undefined }),
      api('GET', '/API/V1/nothing', { token: undefined }),
      api('GET', '/api', { token: undefined }),
      api('PUT', '/api/v1/openapi.json', { token: undefined }),
      api('GET', '/api/v1/%E0%A4%A', { token: wrongToken }),
    ])
    for (const { status, headers, body } of others) {
      assert.is(status, 401)
      const { instance: _mine, ...problem } = Problem.parse(body)
      const { instance: _its, ...sameProblem } = Problem.parse(known?.body)
      assert.equal(problem, sameProblem)
      assert.is(headers['allow'], undefined)
    }
  })

  test('the token is taken as a bearer token only, and whole', async ({ api }) => {
    const ask = async (authorization: string) => {
      const request = { token: undefined, headers: { authorization } }
      return (await api('GET', '/api/v1/openapi.json', request)).status
    }
    const token = adminToken
    assert.is(await ask(`Bearer ${token}`), 200)
    assert.is(await ask(`bearer ${token}`), 200, 'the scheme has no case')
    assert.is(await ask(`Bearer ${token}0`), 401)
    assert.is(await ask(`Bearer ${token.slice(1)}`), 401)
    assert.is(await ask(token), 401)
    assert.is(await ask(`Basic ${btoa(`admin:${token}`)}`), 401)
    assert.is(await ask('Bearer '), 401)
  })
})

const withMetricsToken = async () =>
  await startService({ settings: { METRICS_TOKEN: metricsToken } })

describe('with METRICS_TOKEN', withMetricsToken, (test) => {
  test('metrics are for those who have a token, and all else is as without', async (service) => {
    await checkAccess(service, { '/metrics': 'metrics' })
  })

  test('that token opens the metrics and nothing else', async ({ api, routes }) => {
    for (const route of routes()) {
      const { status } = await api(route.method, pathOf(route), { token: metricsToken })
      const isOpen = ['open', 'metrics', 'read'].includes(route.policy)
      assert.is(status === 401, !isOpen, route.path)
    }
  })
})

describe('errors of the API', startService, (test) => {
  test('are problem details that name the request', async ({ api }) => {
    const requests = [
      ['GET', '/api/v1/nothing', 404],
      ['DELETE', '/api/v1/openapi.json', 405],
      ['GET', '/api/v1/openapi.json?pretty=1', 400],
      ['GET', '/api/v1/%E0%A4%A', 404],
    ] as const
    for (const [method, path, expected] of requests) {
      const { status, headers, body } = await api(method, path)
      assert.is(status, expected, path)
      assert.is(headers['content-type'], 'application/problem+json')
      const problem = Problem.parse(body)
      assert.is(problem.status, status)
      assert.is(problem.instance, headers['x-request-id'])
    }
    const { headers } = await api('DELETE', '/api/v1/openapi.json')
    assert.is(headers['allow'], 'GET')
  })

  test('name the parameter that is wrong and those there are', async ({ api }) => {
    const { body } = await api('GET', '/api/v1/openapi.json?pretty=1&pretty=2')
    assert.is(Problem.parse(body).detail, 'the query names pretty more than once')
  })
})

describe('the id of a request', startService, (test) => {
  test('is the one that was sent, if that is fit for a log, or else a new one', async ({ get }) => {
    const ask = async (sent: string) => {
      return (await get('/livez', { 'x-request-id': sent })).headers['x-request-id']
    }
    assert.is(await ask('build-4711'), 'build-4711')
    for (const sent of ['short', 'has spaces', 'x'.repeat(65), '"quoted"']) {
      assert.match(String(await ask(sent)), /^[0-9a-f]{8}-[0-9a-f-]{27}$/)
    }
  })
})

const Description = z.looseObject({
  openapi: z.string(),
  paths: z.record(
    z.string(),
    z.record(z.string(), z.looseObject({ responses: z.looseObject({}) })),
  ),
})

describe('openapi.json', startService, (test) => {
  test('passes a linter', async ({ api }) => {
    const { body } = await api('GET', '/api/v1/openapi.json')
    const config = await createConfig({
      extends: ['recommended-strict'],
      // The probes take nothing that could be wrong.
      rules: { 'operation-4xx-response': 'off' },
    })
    const problems = await lintFromString({ source: JSON.stringify(body), config })
    const found = problems.map(({ message, location }) => `${location[0]?.pointer}: ${message}`)
    assert.equal(found, [])
  })

  test('describes every route of the API, and no other', async ({ api, routes }) => {
    const { openapi, paths } = Description.parse((await api('GET', '/api/v1/openapi.json')).body)
    assert.match(openapi, /^3\.1\./)
    const described = Object.entries(paths).flatMap(([path, methods]) => {
      return Object.keys(methods).map((method) => `${method} ${path}`)
    })
    const served = routes().filter(({ surface }) => surface === 'api')
    const expected = served.map(
      ({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`,
    )
    assert.equal(described.toSorted(), expected.toSorted())
  })
})
