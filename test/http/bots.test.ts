import { parseYaml } from '@redocly/openapi-core'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { expandVersions, type JsonObject } from '../../src/composer/minify.ts'
import { authorization } from '../support/api.ts'
import { blocksOf } from '../support/documents.ts'
import { openPublishing, packageZip } from '../support/publishing.ts'
import { describe } from '../support/suite.ts'
import { issueToken } from '../support/tokens.ts'

const Root = z.object({ 'metadata-url': z.string() })
const Document = z.object({
  packages: z.record(z.string(), z.array(z.record(z.string(), z.json()))),
})

const Release = z.object({ version: z.string(), time: z.string() })

async function open() {
  const service = await openPublishing()
  assert.is((await service.put('own/shop/1.0.0', packageZip({ name: 'own/shop' }))).status, 201)
  const { token } = await issueToken(service, { grants: [{ scope: 'read', vendors: ['own'] }] })
  /**
   * What Renovate looks up: `packages.json` below the registry's URL, then both documents, of which that of branches may
   * be missing. What it keeps of each version is its name, its date and its source.
   */
  async function lookUp(registryUrl: string, name: string, headers: Record<string, string> = {}) {
    const asked = { headers: { accept: 'application/json', ...headers } }
    const root = Root.parse(await (await fetch(`${registryUrl}/packages.json`, asked)).json())
    const at = (file: string) =>
      new URL(root['metadata-url'].replace('%package%', file), registryUrl)
    const [tags, branches] = await Promise.all([
      fetch(at(name), asked),
      fetch(at(`${name}~dev`), asked),
    ])
    const found: JsonObject[] = []
    for (const answer of [tags, branches].filter(({ ok }) => ok)) {
      const { packages } = Document.parse(await answer.json())
      found.push(...expandVersions(packages[name] ?? []))
    }
    return {
      status: tags.status,
      releases: found.map((each) => {
        const { version, time } = Release.parse(each)
        return { version, time, source: each['source'] }
      }),
    }
  }
  return { ...service, token, lookUp }
}

describe('a bot that looks for updates', open, (test) => {
  for (const name of ['acme/log', 'beta/text', 'acme/old-mailer', 'acme/nothing']) {
    test(`finds of ${name} what upstream has`, async ({ lookUp, url, upstream }) => {
      const there = await lookUp(upstream.url, name)
      assert.equal(await lookUp(url, name), there)
      assert.is(there.releases.length > 0, name !== 'acme/nothing')
    })
  }

  test('finds at a pin what there was then', async ({ lookUp, url }) => {
    const { releases: today } = await lookUp(url, 'acme/log')
    const { status, releases } = await lookUp(`${url}/at/2025-01-15`, 'acme/log')
    assert.is(status, 200)
    const tagsOf = (all: typeof releases) =>
      all.filter(({ version }) => !version.startsWith('dev-')).map(({ version }) => version)
    const known = today.filter(({ time }) => time < '2025-01-16')
    assert.equal(tagsOf(releases), tagsOf(known))
    assert.ok(tagsOf(releases).length < tagsOf(today).length)
  })

  test('finds our own packages with its token, in both ways to send it, and not without', async (world) => {
    const { lookUp, url, token } = world
    assert.equal(await lookUp(url, 'own/shop'), { status: 401, releases: [] })
    for (const scheme of ['Bearer', 'Basic'] as const) {
      const headers = { authorization: authorization(token, scheme) }
      const { status, releases } = await lookUp(url, 'own/shop', headers)
      assert.is(status, 200)
      assert.equal(
        releases.map(({ version }) => version),
        ['1.0.0'],
      )
      assert.is((await lookUp(url, 'acme/log', headers)).status, 200)
    }
  })

  test('is told by README where to look, and with which token', () => {
    const of = (language: string, begin: string) =>
      blocksOf('README.md').find(
        (each) => each.language === language && each.text.startsWith(begin),
      )?.text ?? ''
    const origin = 'https://packages.example.com'
    const renovate = JSON.parse(of('json', '{\n  "hostRules"')) as unknown
    const { hostRules, packageRules } = z
      .strictObject({
        hostRules: z.array(
          z.strictObject({
            hostType: z.literal('packagist'),
            matchHost: z.literal(origin),
            username: z.string().min(1),
            password: z.string().min(1),
          }),
        ),
        packageRules: z.array(
          z.strictObject({
            matchDatasources: z.tuple([z.literal('packagist')]),
            registryUrls: z.tuple([z.literal(origin)]),
          }),
        ),
      })
      .parse(renovate)
    assert.equal([hostRules.length, packageRules.length], [1, 1])
    const dependabot = parseYaml(of('yaml', 'version: 2'))
    const { registries, updates } = z
      .object({
        registries: z.object({
          almanac: z.object({ type: z.literal('composer-repository'), url: z.literal(origin) }),
        }),
        updates: z.array(z.object({ registries: z.array(z.string()) })),
      })
      .parse(dependabot)
    assert.equal(updates[0]?.registries, Object.keys(registries))
  })
})
