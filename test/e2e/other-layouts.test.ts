import * as assert from 'uvu/assert'
import { type AlmanacOptions, startAlmanac } from '../support/almanac.ts'
import { askApiAt } from '../support/api.ts'
import { freePort } from '../support/free-port.ts'
import { describe, eventually, rejection } from '../support/suite.ts'
import { removeDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { startStubUpstream } from '../support/upstream.ts'

const roots = [
  ['{"packages":[],"providers-url":"/p/%package%$%hash%.json"}', 'Composer 1 (`providers-url`)'],
  ['{"packages":{"acme/log":{"1.0.0":{}}}}', 'all packages are in itself (`packages`)'],
  ['<!DOCTYPE html><title>Welcome</title>', 'an HTML or XML page, not JSON'],
] as const

async function open() {
  const upstream = await startStubUpstream()
  const directory = temporaryDirectory('almanac-data')
  const options: AlmanacOptions = { upstream: upstream.url, dataDirectory: directory }
  return {
    upstream,
    options,
    hasRoot: (body: string) =>
      upstream.fail({ match: /^\/packages\.json$/, mode: 'own-words', body }),
    async close() {
      removeDirectory(directory)
      await upstream.close()
    },
  }
}

describe('a start with an upstream that was never read', open, (test) => {
  for (const [body, has] of roots) {
    test(`is refused in a sentence that says what it has: ${has}`, async ({ options, hasRoot }) => {
      const clear = hasRoot(body)
      const message = String(await rejection(startAlmanac(options)))
      const lines = message.split('\n').filter((line) => line.startsWith('almanac: '))
      assert.is(lines.length, 1, message)
      assert.match(
        lines[0] ?? '',
        `PROXY_PACKAGIST_URL is ${options.upstream}, and its packages.json`,
      )
      assert.match(lines[0] ?? '', has)
      assert.not.match(message, /^\s+at /m)
      clear()
    })
  }

  test('works while upstream is away, and at once when it refuses connections', async ({
    options,
  }) => {
    const upstream = `http://127.0.0.1:${await freePort()}`
    const running = await startAlmanac({ ...options, upstream })
    assert.is((await fetch(`${running.url}/packages.json`)).status, 200)
    assert.is(await running.stop(), 0)
  })

  test('works while upstream is silent', async ({ options, upstream }) => {
    const clear = upstream.fail({ match: /./, mode: 'hang' })
    const running = await startAlmanac(options)
    assert.is((await fetch(`${running.url}/livez`)).status, 200)
    clear()
    assert.is(await running.stop(), 0)
  })
})

describe('a start with an upstream that was read before', open, (test) => {
  test('works with what is known, and an alert says what upstream has now', async ({
    options,
    hasRoot,
  }) => {
    const first = await startAlmanac(options)
    await eventually('its root file is known', async () => {
      const root = await fetch(`${first.url}/packages.json`)
      return root.headers.get('cache-control')?.includes('max-age')
    })
    assert.is(await first.stop(), 0)
    hasRoot(roots[0][0])
    const second = await startAlmanac({ ...options, env: { PROXY_METADATA_TTL: '1' } })
    const service = { api: askApiAt(second.url) }
    const told = await eventually('it is told', async () => {
      assert.is((await fetch(`${second.url}/packages.json`)).status, 200)
      const { body } = await service.api('GET', '/api/v1/proxy/alerts?state=open')
      return /"packages\.json".*/.exec(JSON.stringify(body))?.[0]
    })
    assert.match(told ?? '', roots[0][1])
    assert.is(await second.stop(), 0)
  })
})
