import * as assert from 'uvu/assert'
import { packageZip } from '../support/publishing.ts'
import { startService } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'

interface Decided {
  readonly hits: {
    readonly count: number | null
    readonly versions: readonly { readonly versionNormalized: string; readonly installs: number }[]
    readonly isUpToDate: boolean
    readonly installsSince: string
  }
  readonly holds: { readonly count: number; readonly versions: readonly string[] }
  readonly warnings: readonly string[]
  readonly stillInstalledBy: readonly string[]
  readonly whatToDo: readonly string[]
}

async function openWith(settings: Readonly<Record<string, string>>) {
  const service = await startService({ settings: { PRIVATE_VENDORS: 'own', ...settings } })
  const { api, get, url } = service
  async function decide(path: string, json: object): Promise<Decided> {
    const { status, body } = await api('POST', `/api/v1/proxy/${path}`, { json })
    assert.is(status, 200, JSON.stringify(body))
    return body as Decided
  }
  return {
    ...service,
    block: async (name: string, constraint: string) =>
      await decide('block', { package: name, constraint }),
    freeze: async (name: string, json: object = {}) => await decide(`freeze/${name}`, json),
    install: async (name: string, version: string, times = 1) => {
      for (let time = 0; time < times; time++) {
        const body = JSON.stringify({ downloads: [{ name, version }] })
        assert.is((await fetch(`${url}/downloads/`, { method: 'POST', body })).status, 201)
      }
      await service.runJob('usage')
      await eventually('it is shown', async () => {
        const { body } = await api('GET', `/api/v1/audit/installs?package=${name}`)
        return JSON.stringify(body).includes(`"${version}"`)
      })
    },
    names: async (path: string) => (await get(path)).body.toString(),
  }
}

const open = async () => await openWith({})

function versionsOf({ hits }: Decided): readonly string[] {
  return hits.versions.map(({ versionNormalized }) => versionNormalized).toSorted()
}

describe('the answer to a block', open, (test) => {
  test('names the versions it hits, those that are gone since and of branches included', async (service) => {
    const { block, get, upstream, clock } = service
    await get('/p2/acme/http.json')
    upstream.withdraw('acme/http', '1.1.0')
    clock.advance(60)
    const ofTags = await block('acme/http', '>=1.0 <2')
    assert.equal(versionsOf(ofTags), ['1.0.0.0', '1.1.0.0'])
    assert.is(ofTags.hits.count, 2)
    assert.equal(ofTags.warnings, [])
    const ofBranches = await block('acme/http', 'dev-main')
    assert.equal(versionsOf(ofBranches), ['dev-main'])
  })

  test('has how often each was installed in the last 30 days, the most installed first', async (service) => {
    const { block, get, install, clock } = service
    await get('/p2/acme/log.json')
    await install('acme/log', '1.1.0.0', 5)
    clock.advance(31 * 86_400)
    await install('acme/log', '1.0.0.0', 2)
    const { hits } = await block('acme/log', '1.0.0 || 1.1.0')
    assert.equal(hits.versions, [
      { versionNormalized: '1.0.0.0', installs: 2 },
      { versionNormalized: '1.1.0.0', installs: 0 },
    ])
    assert.is(hits.installsSince, '2026-06-02')
  })

  test('says who gets them all the same, how, and what to do', async ({ block, api }) => {
    const { stillInstalledBy, whatToDo } = await block('beta/text', '1.10.0')
    assert.match(
      stillInstalledBy[0] ?? '',
      /before 2\.10.* 410 .*takes the archive from its origin/,
    )
    assert.match(whatToDo.join('\n'), /composer update beta\/text`/)
    assert.match(whatToDo.join('\n'), /audit\/installs\?package=beta\/text&from=2026-/)
    assert.match(whatToDo.join('\n'), /PROXY_DIST_MODE=rewrite/)
    const [, path = ''] = /GET (\S+) lists/.exec(whatToDo.join(' ')) ?? []
    assert.is((await api('GET', path)).status, 200, path)
  })

  test('warns of a package that is nowhere, and of a constraint that nothing meets', async (service) => {
    const { block, api } = service
    const misspelt = await block('acme/lgo', '*')
    assert.is(misspelt.hits.count, 0)
    assert.match(misspelt.warnings[0] ?? '', 'there is no package acme/lgo here or upstream')
    const beyond = await block('acme/log', '>=99')
    assert.is(beyond.hits.count, 0)
    assert.match(
      beyond.warnings[0] ?? '',
      /none of the \d+ versions of acme\/log .* newest of which is/,
    )
    assert.equal(beyond.stillInstalledBy, [])
    const { body } = await api('GET', '/api/v1/proxy/blocks')
    assert.match(JSON.stringify(body), /acme\/lgo.*"constraint":">=99"/, 'both are in force')
  })
})

describe('while upstream gives no answer, a block', open, (test) => {
  test('is in force before its answer, which is there after two seconds and says that it knows nothing', async (service) => {
    const { block, upstream, api } = service
    const release = upstream.fail({ match: /^\/p2\/acme\/log/, mode: 'hang' })
    const begunMs = performance.now()
    const answer = block('acme/log', '1.1.0')
    await eventually('it is in force', async () => {
      const { body } = await api('GET', '/api/v1/proxy/blocks')
      return JSON.stringify(body).includes('acme/log')
    })
    assert.ok(performance.now() - begunMs < 1_500)
    const { hits, warnings, stillInstalledBy } = await answer
    assert.ok(performance.now() - begunMs < 4_000)
    assert.equal([hits.count, hits.versions, hits.isUpToDate], [null, [], false])
    assert.match(warnings[0] ?? '', "isn't known")
    assert.ok(stillInstalledBy.length > 0)
    release()
  })

  test('names what is recorded, and says that there may be more', async (service) => {
    const { block, get, upstream, clock } = service
    await get('/p2/beta/text.json')
    clock.advance(60)
    upstream.fail({ match: /^\/p2\/beta\/text/, mode: 'status' })
    const some = await block('beta/text', '1.10.0')
    assert.equal([versionsOf(some), some.hits.isUpToDate], [['1.10.0.0'], false])
    assert.match(some.warnings[0] ?? '', 'may hit newer ones')
    const none = await block('beta/text', '>=99')
    assert.is(none.hits.count, 0)
    assert.match(none.warnings[0] ?? '', /None of the \d+ versions .* may hit newer ones/)
    assert.ok(none.stillInstalledBy.length > 0, 'none is known, and there may be one')
  })
})

describe('a block of a package of our own', open, (test) => {
  test('leaves no origin to go to, and asks upstream nothing', async ({ api, block, upstream }) => {
    const body = packageZip({ name: 'own/log', description: 'Logs' })
    assert.is((await api('PUT', '/api/v1/packages/own/log/1.0.0', { body })).status, 201)
    upstream.forget()
    const hit = await block('own/log', '*')
    assert.equal(versionsOf(hit), ['1.0.0.0'])
    assert.not.match(hit.stillInstalledBy.join(' '), 'origin')
    const none = await block('own/lgo', '*')
    assert.match(none.warnings[0] ?? '', 'no package own/lgo among your own')
    assert.is(upstream.requests.length, 0)
  })
})

describe(
  'with PROXY_DIST_MODE=rewrite, a block',
  async () => await openWith({ PROXY_DIST_MODE: 'rewrite' }),
  (test) => {
    test('leaves the sources to go to', async ({ block }) => {
      const { stillInstalledBy, whatToDo } = await block('acme/log', '1.1.0')
      assert.match(stillInstalledBy[0] ?? '', /clone the source/)
      assert.not.match(whatToDo.join(' '), 'set PROXY_DIST_MODE')
    })
  },
)

describe('the answer to a freeze', open, (test) => {
  test('names the versions it holds and those it keeps back, with how often those were installed', async (service) => {
    const { freeze, get, install } = service
    await get('/p2/acme/http.json')
    await install('acme/http', '2.0.0.0', 3)
    const { holds, hits, stillInstalledBy } = await freeze('acme/http', { at: '2024-06-01' })
    assert.ok(holds.versions.includes('1.0.0'), JSON.stringify(holds))
    assert.is(holds.count, holds.versions.length)
    assert.not(holds.versions.includes('2.0.0'))
    assert.equal(hits.versions[0], { versionNormalized: '2.0.0.0', installs: 3 })
    assert.match(stillInstalledBy[0] ?? '', /every release.* 404 .*origin/)
  })
})
