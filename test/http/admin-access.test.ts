import { createConfig, lintFromString } from '@redocly/openapi-core'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { Problem } from '../../src/http/errors.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'
import { issueToken } from '../support/tokens.ts'

const wrongToken = 'admin-token-of-the-tests-9876543210'

describe('what is below /api', startService, (test) => {
  test('looks like what is not there to those who have no token for it', async ({ api }) => {
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

  test('looks the same to those whose token is for some vendor only', async (service) => {
    const grants = [{ scope: 'admin', vendors: ['acme'] }] as const
    const { token } = await issueToken(service, { grants })
    for (const [method, path] of [
      ['GET', '/api/v1/openapi.json'],
      ['GET', '/api/v1/nothing'],
      ['PUT', '/api/v1/openapi.json'],
      ['PUT', '/api/v1/tokens'],
    ] as const) {
      const { status, headers, body } = await service.api(method, path, { token })
      assert.is(status, 403)
      assert.is(Problem.parse(body).code, 'forbidden')
      assert.is(headers['allow'], undefined)
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
