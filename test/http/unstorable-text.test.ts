import * as assert from 'uvu/assert'
import type { Route } from '../../src/http/route.ts'
import { pathOf } from '../support/api.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const form = { 'content-type': 'application/x-www-form-urlencoded' }

async function statusesOf(
  { api }: Service,
  route: Route,
  paths: readonly string[],
): Promise<readonly (readonly [asked: string, status: number])[]> {
  const statuses = []
  for (const path of paths) {
    statuses.push([`${route.method} ${path}`, (await api(route.method, path)).status] as const)
  }
  return statuses
}

/** The path of a route with a NUL in each of its parts, and in its query. */
function pathsWithNul(route: Route): readonly string[] {
  const parts = [...route.path.matchAll(/:(\w+)/g)].map(([, name = '']) => name)
  const named = parts.map((name) => pathOf(route, { [name]: 'a%00b' }))
  const plain = pathOf(route)
  return [...named, `${plain}?q=%00`, `${plain}?a%00b=1`, `${plain}?version=1%00&actor=%00`]
}

describe('text that no database takes', startService, (test) => {
  test('is refused in every path and every query', async (service) => {
    for (const route of service.routes()) {
      for (const [asked, status] of await statusesOf(service, route, pathsWithNul(route))) {
        assert.is(status, 400, asked)
      }
    }
  })

  test('is refused in bodies, of JSON and of forms', async ({ api }) => {
    const post = async (path: string, body: string, headers: Readonly<Record<string, string>>) =>
      (await api('POST', path, { body, headers })).status
    const json = { 'content-type': 'application/json' }
    for (const text of [String.raw`\u0000`, String.raw`\ud800`, String.raw`\udc00\ud800`]) {
      for (const [path, body] of [
        ['/api/v1/proxy/block', `{"package":"acme/log","constraint":"*","reason":"${text}"}`],
        ['/api/v1/tokens', `{"name":"${text}","grants":[{"scope":"read"}]}`],
        ['/api/v1/proxy/purge', `{"${text}":1}`],
        ['/downloads/', `{"downloads":[{"name":"acme/log","version":"1.0${text}"}]}`],
      ] as const) {
        assert.is(await post(path, body, json), 400, body)
      }
    }
    assert.is(await post('/api/security-advisories/', 'packages[]=a%00/b', form), 400)
    assert.is(await post('/api/security-advisories/', 'packages[]=acme/log', form), 200)
  })
})
