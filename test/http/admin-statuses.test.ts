import * as assert from 'uvu/assert'
import { newEvent } from '../../src/events/new-event.ts'
import { alertsStream } from '../../src/events/types.ts'
import { statusOf } from '../../src/http/errors.ts'
import type { ApiRoute } from '../../src/http/route.ts'
import { metricsToken, pathOf } from '../support/api.ts'
import { distOf } from '../support/dist.ts'
import { elsewhere, packageStatuses } from '../support/package-statuses.ts'
import { type Service, startService } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'
import { issueToken, revokeToken, unknownId } from '../support/tokens.ts'

/**
 * How each documented status of each route of the API comes about, but for those that follow from the
 * policy and from what is sent. Gives back the answer's status.
 */
const made: Readonly<Record<string, (service: Service) => Promise<number>>> = {
  ...packageStatuses,
  'get /livez 200': async ({ api }) => (await api('GET', '/livez')).status,
  'get /readyz 200': async ({ api }) => (await api('GET', '/readyz')).status,
  'get /readyz 503': async ({ api, withoutDatabase }) => {
    return await withoutDatabase(async () => (await api('GET', '/readyz')).status)
  },
  'get /metrics 200': async ({ api }) => (await api('GET', '/metrics')).status,
  'get /api/v1/proxy/stats 200': async ({ api }) =>
    (await api('GET', '/api/v1/proxy/stats')).status,
  'get /api/v1/proxy/status 200': async ({ api }) => {
    return (await api('GET', '/api/v1/proxy/status')).status
  },
  'get /problems/:code 200': async ({ api }) => (await api('GET', '/problems/internal')).status,
  'get /problems/:code 404': async ({ api }) => (await api('GET', '/problems/nothing')).status,
  'get /api/v1/openapi.json 200': async ({ api }) => {
    return (await api('GET', '/api/v1/openapi.json')).status
  },
  'post /api/v1/proxy/freeze/:vendor/:package 200': async ({ api }) => {
    return (await api('POST', '/api/v1/proxy/freeze/acme/log', { json: {} })).status
  },
  'post /api/v1/proxy/freeze/:vendor/:package 404': async ({ api }) => {
    return (await api('POST', '/api/v1/proxy/freeze/acme/nothing', { json: {} })).status
  },
  'post /api/v1/proxy/freeze/:vendor/:package 409': async ({ api }) => {
    return (await api('POST', '/api/v1/proxy/freeze/own/log', { json: {} })).status
  },
  'get /api/v1/audit/installs 200': async ({ api }) => {
    return (await api('GET', '/api/v1/audit/installs')).status
  },
  'post /api/v1/proxy/unfreeze/:vendor/:package 200': async ({ api }) => {
    return (await api('POST', '/api/v1/proxy/unfreeze/acme/log', { json: {} })).status
  },
  'post /api/v1/proxy/unfreeze/:vendor/:package 404': async ({ api }) => {
    return (await api('POST', '/api/v1/proxy/unfreeze/acme/No', { json: {} })).status
  },
  'post /api/v1/proxy/block 200': async ({ api }) => {
    const json = { package: 'acme/log', constraint: '1.0.0' }
    return (await api('POST', '/api/v1/proxy/block', { json })).status
  },
  'post /api/v1/proxy/unblock 200': async ({ api }) => {
    return (await api('POST', '/api/v1/proxy/unblock', { json: { package: 'acme/log' } })).status
  },
  'post /api/v1/proxy/open 200': async ({ api }) => {
    return (await api('POST', '/api/v1/proxy/open', { json: { vendor: 'acme' } })).status
  },
  'post /api/v1/proxy/open 409': async ({ api }) => {
    return (await api('POST', '/api/v1/proxy/open', { json: { vendor: 'own' } })).status
  },
  'get /api/v1/proxy/blocks 200': async ({ api }) => {
    return (await api('GET', '/api/v1/proxy/blocks')).status
  },
  'get /api/v1/proxy/alerts 200': async ({ api }) => {
    return (await api('GET', '/api/v1/proxy/alerts')).status
  },
  'post /api/v1/proxy/alerts/:id/acknowledge 200': async ({ api, log }) => {
    const data = { code: 'feed_lagging', subject: 'https://one.example', detail: 'Late.' } as const
    const event = newEvent({ type: 'AlertOpened', data })
    await log.append({ stream: alertsStream, expected: 'any', events: [event] })
    const acknowledge = async () =>
      (await api('POST', `/api/v1/proxy/alerts/${event.id}/acknowledge`)).status
    await eventually('there is an alert', async () => (await acknowledge()) !== 404)
    return await acknowledge()
  },
  'post /api/v1/proxy/alerts/:id/acknowledge 404': async ({ api }) => {
    return (await api('POST', pathOf({ path: '/api/v1/proxy/alerts/:id/acknowledge' }))).status
  },
  'post /api/v1/tokens 201': async ({ api }) => {
    const json = { name: 'build server', grants: [{ scope: 'read' }] }
    return (await api('POST', '/api/v1/tokens', { json })).status
  },
  'get /api/v1/tokens 200': async ({ api }) => (await api('GET', '/api/v1/tokens')).status,
  'post /api/v1/tokens/:id/rotate 201': async (service) => {
    const { id } = await issueToken(service)
    return (await service.api('POST', `/api/v1/tokens/${id}/rotate`)).status
  },
  'post /api/v1/tokens/:id/rotate 404': async ({ api }) => {
    return (await api('POST', `/api/v1/tokens/${unknownId}/rotate`)).status
  },
  'post /api/v1/tokens/:id/rotate 409': async (service) => {
    const { id } = await issueToken(service)
    await revokeToken(service, id)
    return (await service.api('POST', `/api/v1/tokens/${id}/rotate`)).status
  },
  'delete /api/v1/tokens/:id 200': async (service) => {
    const { id } = await issueToken(service)
    return (await service.api('DELETE', `/api/v1/tokens/${id}`)).status
  },
  'delete /api/v1/tokens/:id 404': async ({ api }) => {
    return (await api('DELETE', `/api/v1/tokens/${unknownId}`)).status
  },
  'post /api/v1/proxy/accept-archive 200': async (service) => {
    const { api, get, upstream } = service
    const { reference } = await distOf(service, 'acme/http', '1.1.0')
    const path = `/dist-proxy/acme/http/1.1.0.0/${reference}.zip`
    await get(path)
    upstream.alterArchive(reference, 'tampered')
    service.clock.advance(86_400)
    await get(path)
    const json = { package: 'acme/http', reference }
    let status = 404
    await eventually('upstream is seen to differ', async () => {
      ;({ status } = await api('POST', '/api/v1/proxy/accept-archive', { json }))
      return status !== 404
    })
    return status
  },
  'post /api/v1/proxy/accept-archive 404': async ({ api }) => {
    const json = { package: 'acme/log', reference: 'f'.repeat(40) }
    return (await api('POST', '/api/v1/proxy/accept-archive', { json })).status
  },
  'post /api/v1/proxy/purge 200': async ({ api }) => {
    return (await api('POST', '/api/v1/proxy/purge', { json: { all: true } })).status
  },
}

function apiRoutes({ routes }: Service): readonly ApiRoute[] {
  return routes().filter((route): route is ApiRoute => route.surface === 'api')
}

function documented({ operation }: ApiRoute): readonly number[] {
  const { answers, errors } = operation
  const statuses = [
    ...Object.keys(answers).map(Number),
    ...errors.map((code) => statusOf(code).status),
  ]
  return [...new Set(statuses)]
}

interface WithTokens extends Service {
  /** Each is one that some routes are forbidden to. */
  readonly tokens: readonly string[]
}

async function withTokens(): Promise<WithTokens> {
  const service = await startService({
    settings: { METRICS_TOKEN: metricsToken, PRIVATE_VENDORS: 'own' },
  })
  const tokens = []
  for (const scope of ['read', 'publish'] as const) {
    const { token } = await issueToken(service, { grants: [{ scope, vendors: ['zeta'] }] })
    tokens.push(token)
  }
  return { ...service, tokens }
}

/** What follows from the policy (a token that is kept in the database) and from what is sent. */
async function impliedStatuses(route: ApiRoute, service: WithTokens): Promise<ReadonlySet<number>> {
  const { method, operation } = route
  const { api } = service
  const path = pathOf(route)
  const requests = [
    { path, request: { token: undefined } },
    ...service.tokens.map((token) => ({ path, request: { token } })),
    { path: `${path}?nonsense=1`, request: {} },
    ...(operation.body === undefined
      ? []
      : [{ path, request: { body: Buffer.alloc(2 ** 20 + 1, 0x20) } }]),
    ...(method === 'get' ? [] : [{ path, request: { headers: { 'content-type': 'text/plain' } } }]),
  ]
  const statuses = new Set<number>()
  for (const { path: asked, request } of requests) {
    statuses.add((await api(method, asked, request)).status)
  }
  return statuses
}

describe('every status that openapi.json names', withTokens, (test) => {
  test('comes about', async (service) => {
    for (const route of apiRoutes(service)) {
      const implied = await impliedStatuses(route, service)
      for (const status of documented(route)) {
        if (implied.has(status) && status >= 400) continue
        const name = `${route.method} ${route.path} ${status}`
        if (status === 503 && made[name] === undefined) continue // see below
        if (elsewhere.has(name)) continue // see publish-refusals and receiving
        assert.ok(made[name], `nothing here makes ${name}`)
        assert.is(await made[name]?.(service), status, name)
      }
    }
  })

  test('and nothing here makes another', async (service) => {
    const names = apiRoutes(service).flatMap((route) => {
      return documented(route).map((status) => `${route.method} ${route.path} ${status}`)
    })
    const documentedNames = new Set(names)
    assert.equal(
      Object.keys(made).filter((name) => !documentedNames.has(name)),
      [],
    )
  })
})

/** Nobody's, but it could be: only the database knows. */
const token = `almanac_admin_${'x'.repeat(43)}`

const generatedToken = async () =>
  await startService({ settings: { ADMIN_TOKEN: '', METRICS_TOKEN: metricsToken } })

describe('a token that is kept in the database', generatedToken, (test) => {
  test('cannot be checked while that is away: 503, and no route tells more', async (service) => {
    const { api, withoutDatabase } = service
    await withoutDatabase(async () => {
      for (const route of apiRoutes(service)) {
        if (route.policy === 'open') continue
        assert.ok(documented(route).includes(503), route.path)
        assert.is((await api(route.method, pathOf(route), { token })).status, 503, route.path)
      }
      assert.is((await api('GET', '/api/v1/nothing', { token })).status, 503)
    })
  })
})
