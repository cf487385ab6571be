import * as assert from 'uvu/assert'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

describe('what else Composer asks', startService, (test) => {
  test('the root file leads to it all, by absolute URLs of this proxy', async ({ get, url }) => {
    const root = JSON.parse((await get('/packages.json')).body.toString()) as Record<
      string,
      unknown
    >
    const text = JSON.stringify(root)
    assert.is(text.includes('packagist.org'), false)
    for (const address of text.match(/https?:\/\/[^"]+/g) ?? []) assert.ok(address.startsWith(url))
    assert.equal(root['mirrors'], [
      { 'dist-url': `${url}/dist-proxy/%package%/%version%/%reference%.%type%`, preferred: true },
    ])
  })

  test('search, list, providers, advisories and the malware list are answered', async ({
    get,
    url,
  }) => {
    for (const path of [
      '/search.json?q=acme&type=',
      '/packages/list.json',
      '/providers/acme/message-implementation.json',
      '/lists/all/summary.json',
      '/api/security-advisories/?packages[]=acme/log',
    ]) {
      const answer = await get(path)
      assert.is(answer.statusCode, 200, path)
      assert.is(answer.headers['content-type'], 'application/json', path)
    }
    const form = new URLSearchParams({ 'packages[0]': 'acme/log' })
    const posted = await fetch(`${url}/api/security-advisories/`, { method: 'POST', body: form })
    assert.match(await posted.text(), 'PKSA-acme-log0-0001')
  })

  test('installs are acknowledged, and upstream is not told of them', async ({ url, upstream }) => {
    upstream.forget()
    const body = JSON.stringify({ downloads: [{ name: 'acme/log', version: '1.0.0.0' }] })
    const answer = await fetch(`${url}/downloads/`, { method: 'POST', body })
    assert.is(answer.status, 201)
    assert.is(upstream.requests.length, 0)
  })

  test('with upstream gone it is 503', async ({ get, upstream }) => {
    const clear = upstream.fail({ match: /search/, mode: 'reset' })
    assert.is((await get('/search.json?q=acme')).statusCode, 503)
    clear()
  })

  test('a body past a megabyte is 413, and an unknown path 404', async ({ url, get }) => {
    const body = Buffer.alloc(1024 * 1024 + 1)
    const answer = await fetch(`${url}/downloads/`, { method: 'POST', body })
    assert.is(answer.status, 413)
    assert.is((await get('/no/such/place')).statusCode, 404)
  })
})

describe('probes', startService, (test) => {
  test('livez and readyz answer, and upstream being down does not matter', async ({
    get,
    upstream,
  }) => {
    upstream.fail({ match: /./, mode: 'reset' })
    for (const path of ['/livez', '/readyz']) assert.is((await get(path)).statusCode, 200, path)
  })
})

describe(
  'a proxy that is turned off',
  async () => await startService({ settings: { PROXY_ENABLED: 'false' } }),
  (test) => {
    test('serves no public package and asks nobody', async ({ get, upstream }) => {
      for (const path of ['/p2/acme/log.json', '/dist-proxy/acme/log/1.0.0.0/ab.zip']) {
        assert.is((await get(path)).statusCode, 404, path)
      }
      const text = async (path: string) => (await get(path)).body.toString()
      assert.equal(JSON.parse(await text('/search.json?q=x')), { results: [], total: 0 })
      assert.equal(JSON.parse(await text('/packages/list.json')), { packageNames: [] })
      assert.match(await text('/packages.json'), 'metadata-url')
      assert.match(await text('/at/2026-05-01/packages.json'), 'metadata-url')
      assert.is(upstream.requests.length, 0)
    })
  },
)
