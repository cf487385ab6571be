import Router from '@koa/router'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { Route } from '../../src/http/route.ts'
import { straightTo } from '../../src/http/straight.ts'
import { describe } from '../support/suite.ts'

const route = (path: string, straight = true): Route => ({
  surface: 'composer',
  policy: 'read',
  method: 'get',
  path,
  straight,
  handle: async () => ({ status: 200, headers: {} }),
})

const routes = [
  route('/packages.json', false),
  route('/p2/:vendor/:file'),
  route('/dist-proxy/:vendor/:package/:version/:file{/:name}'),
  route('/at/:at/p2/:vendor/:file', false),
]

/** The straight way, and what the router makes of the same request. */
async function open() {
  const router = new Router()
  const handlers = new Map(routes.map((each) => [each.path, each]))
  for (const { path } of routes) router.get(path, () => undefined)
  return {
    find: straightTo(routes),
    byRouter: (method: string, path: string) => {
      const { route: matched, pathAndMethod } = router.match(path, method)
      const [layer] = pathAndMethod
      if (!matched || layer === undefined) return undefined
      const params = layer.params(path, layer.captures(path))
      return { route: handlers.get(String(layer.path)), params }
    },
  }
}

const segment = fc.oneof(
  fc.constantFrom('p2', 'P2', 'dist-proxy', 'at', 'acme', 'log~dev.json', '1.0.0.0', '..', ''),
  fc.constantFrom('%2f', 'a%20b', 'a b', 'é', '__proto__', 'dev-x#1', 'a?b', 'a;b', 'ab.zip'),
  fc.string({ maxLength: 6 }),
)
const paths = fc.oneof(
  fc.array(segment, { maxLength: 7 }).map((segments) => `/${segments.join('/')}`),
  fc.array(segment, { minLength: 2, maxLength: 2 }).map((segments) => `/p2/${segments.join('/')}`),
  fc
    .array(segment, { minLength: 4, maxLength: 5 })
    .map((segments) => `/dist-proxy/${segments.join('/')}`),
)

describe('the straight way to a route', open, (test) => {
  test('is there for the paths of straight routes, with their parameters', ({ find }) => {
    const found = find('GET', '/p2/acme/log~dev.json')
    assert.is(found?.route.path, '/p2/:vendor/:file')
    assert.equal({ ...found?.params }, { vendor: 'acme', file: 'log~dev.json' })
    const reference = 'ab'.repeat(20)
    assert.equal(
      { ...find('HEAD', `/dist-proxy/acme/log/1.0.0.0/${reference}.zip`)?.params },
      { vendor: 'acme', package: 'log', version: '1.0.0.0', file: `${reference}.zip` },
    )
  })

  for (const [method, path] of [
    ['POST', '/p2/acme/log.json'],
    ['DELETE', '/p2/acme/log.json'],
    ['GET', '/packages.json'],
    ['GET', '/at/2026-01-01/p2/acme/log.json'],
    ['GET', '/p2/acme/log.json?at=2026-01-01'],
    ['GET', '/p2/acme/log%2ejson'],
    ['GET', '/p2/acme/log.json/'],
    ['GET', 'http://example.org/p2/acme/log.json'],
    ['GET', '*'],
  ] as const) {
    test(`is not there for ${method} ${path}, which the router finds, or doesn't`, ({ find }) => {
      assert.is(find(method, path), undefined)
    })
  }

  test('leads where the router leads, whatever the path', ({ find, byRouter }) => {
    let found = 0
    fc.assert(
      fc.property(fc.constantFrom('GET', 'HEAD'), paths, (method, path) => {
        const straight = find(method, path)
        if (straight === undefined) return
        found += 1
        const routed = byRouter(method, path)
        assert.is(straight.route, routed?.route, path)
        assert.equal({ ...straight.params }, { ...routed?.params }, path)
      }),
      { numRuns: 3_000 },
    )
    assert.ok(found > 100, `${found} were found`)
  })
})
