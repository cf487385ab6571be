import { writeFileSync } from 'node:fs'
import path from 'node:path'
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../src/composer/minify.ts'
import { composerProject, type ComposerProject, type ComposerResult } from '../support/composer.ts'
import { type Composer, forEachComposer } from '../support/every-composer.ts'
import { recordUnlooked } from '../support/former-release.ts'
import { packageZip, putTo } from '../support/publishing.ts'
import { type Service, startService } from '../support/service.ts'
import { issueToken } from '../support/tokens.ts'

const described = (name: string, ...versions: readonly string[]) => ({
  name,
  description: 'A package of upstream',
  tags: versions.map((version) => [version, '2025-01-01'] as const),
  branches: { main: ['2025-01-01'] },
})

/** What may not be replaced: `acme/secret` is ours, and of the others 9.9.9 is kept out. */
const targets = ['acme/secret', 'pub/blocked', 'pub/malware', 'pub/frozen'] as const
/** They have versions in their documents that call themselves each of these. */
const impostors = ['pub/kit', 'pub/recorded'] as const
const packages = [
  ...impostors.map((name) => described(name, '1.0.0')),
  described('pub/replaces', '1.0.0'),
  described('pub/provides', '1.0.0'),
  described('pub/blocked', '1.0.0', '9.9.9'),
  described('pub/malware', '1.0.0', '9.9.9'),
  described('pub/frozen', '1.0.0'),
]

type Document = { readonly packages: Record<string, JsonObject[]> }

async function documentOf({ upstream }: Service, name: string) {
  const document = (await (await fetch(`${upstream.url}/p2/${name}.json`)).json()) as Document
  const [own] = document.packages[name] ?? []
  assert.ok(own !== undefined)
  return { document, own }
}

/** The document with versions that call themselves all that may not be replaced, each in two ways. */
async function impostorOf(service: Service, name: string): Promise<string> {
  const { document, own } = await documentOf(service, name)
  const called = (as: string) => ({
    ...own,
    name: as,
    version: '9.9.9',
    version_normalized: '9.9.9.0',
  })
  const inside = targets.map((target) => called(name === 'pub/kit' ? target : capitals(target)))
  const beside = Object.fromEntries(targets.map((target) => [target, [called(target)]]))
  return JSON.stringify({ ...document, packages: { ...beside, [name]: [own, ...inside] } })
}

function capitals(name: string): string {
  return name.replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase())
}

async function standInOf(service: Service, name: string, kind: string): Promise<string> {
  const { document, own } = await documentOf(service, name)
  const hostile = { ...own, [kind]: { 'Acme/Secret': '9.9.9' } }
  return JSON.stringify({ ...document, packages: { [name]: [hostile] } })
}

async function open({ run }: Composer) {
  const service = await startService({
    upstream: { packages },
    settings: { PROXY_METADATA_TTL: '3600' },
  })
  const { api, upstream, clock } = service
  const { status } = await putTo(service)(
    'acme/secret/1.0.0',
    packageZip({ name: 'acme/secret', description: 'Ours' }),
  )
  assert.is(status, 201)
  const ask = async (verb: string, json: object = {}) => {
    const answer = await api('POST', `/api/v1/proxy/${verb}`, { json })
    assert.is(answer.status, 200, JSON.stringify(answer.body))
  }
  await ask('freeze/pub/frozen')
  upstream.publish('pub/frozen', '9.9.9')
  await ask('block', { package: 'pub/blocked', constraint: '9.9.9' })
  upstream.flagMalware('pub/malware', '9.9.9')
  const says = (name: string, body: string) =>
    upstream.fail({ match: new RegExp(`${name}\\.json`), mode: 'own-words', body })
  const recorded = await impostorOf(service, 'pub/recorded')
  await recordUnlooked(service, 'pub/recorded', recorded)
  says('pub/recorded', recorded)
  says('pub/kit', await impostorOf(service, 'pub/kit'))
  says('pub/replaces', await standInOf(service, 'pub/replaces', 'replace'))
  says('pub/provides', await standInOf(service, 'pub/provides', 'provide'))
  clock.advance(60)
  await service.runJob('malware lists')
  const { token } = await issueToken(service, { grants: [{ scope: 'read', vendors: ['acme'] }] })
  const auth = { bearer: { [new URL(service.url).host]: token } }
  const projects: ComposerProject[] = []
  return {
    ...service,
    /** Has Composer resolve what a project requires from a repository, and download it. */
    update: async (repository: string, require: Readonly<Record<string, string>>) => {
      const project = composerProject({ repository, require })
      projects.push(project)
      writeFileSync(path.join(project.directory, 'auth.json'), JSON.stringify(auth))
      const args = ['update', '--no-audit', '--ignore-platform-reqs']
      const result = await run(args, project)
      return { ...result, locked: result.code === 0 ? namesIn(project) : [] }
    },
    async close() {
      for (const project of projects) project.remove()
      await service.close()
    },
  }
}

function namesIn(project: ComposerProject): readonly string[] {
  return project.locked().map((identity) => identity.replace(/#.*/, ''))
}

function refused({ code, output }: ComposerResult): void {
  assert.is(code, 2, output)
  assert.match(output, 'Your requirements could not be resolved')
}

const allOf = Object.fromEntries(targets.map((target) => [target, '*']))

forEachComposer('documents that speak of other packages', open, (test) => {
  test('of upstream itself takes what calls itself another package', async (world) => {
    const { update, upstream } = world
    for (const impostor of impostors) {
      const require = { [impostor]: '*', 'acme/secret': '^9.9' }
      const { locked, output } = await update(upstream.url, require)
      assert.equal(
        locked.map((each) => each.toLowerCase()),
        ['acme/secret@9.9.9', `${impostor}@1.0.0`],
        output,
      )
    }
  })

  test('installs what is private, and not what is blocked, malware or later than a freeze', async (world) => {
    const { update, url } = world
    for (const impostor of impostors) {
      const { locked, output } = await update(url, { ...allOf, [impostor]: '*' })
      assert.equal(locked, [...targets, impostor].map((name) => `${name}@1.0.0`).toSorted(), output)
    }
  })

  test('finds no such version by its number either', async (world) => {
    const { update, url } = world
    for (const target of targets) {
      refused(await update(url, { 'pub/kit': '*', 'pub/recorded': '*', [target]: '9.9.9' }))
    }
  })

  test('has a private package satisfied by no public one that replaces or provides it', async (world) => {
    const { update, url, upstream } = world
    for (const name of ['pub/replaces', 'pub/provides']) {
      const require = { [name]: '*', 'acme/secret': '^9.9' }
      const { locked, output } = await update(upstream.url, require)
      assert.equal(locked, [`${name}@1.0.0`], output)
      refused(await update(url, require))
    }
  })
})
