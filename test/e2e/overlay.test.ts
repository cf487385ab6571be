import { copyFileSync, existsSync } from 'node:fs'
import path from 'node:path'
import * as assert from 'uvu/assert'
import { type RunningAlmanac, startAlmanac } from '../support/almanac.ts'
import { askApiAt } from '../support/api.ts'
import { type ComposerProject, composerProject, type ComposerResult } from '../support/composer.ts'
import { type Composer, forEachComposer } from '../support/every-composer.ts'
import { eventually } from '../support/suite.ts'
import { startStubUpstream } from '../support/upstream.ts'

async function open(composer: Composer) {
  const upstream = await startStubUpstream({ at: '2025-07-30T00:00:00Z' })
  const env = { PROXY_METADATA_TTL: '0', PROXY_FEED_INTERVAL: '1' }
  const mirroring = await startAlmanac({ upstream: upstream.url, env })
  const rewriting = await startAlmanac({
    upstream: upstream.url,
    env: { ...env, PROXY_DIST_MODE: 'rewrite' },
  })
  const projects: ComposerProject[] = []
  /** A project, and a Composer that keeps its cache from one run to the next. */
  function projectOf(
    { url: repository }: RunningAlmanac,
    require: Readonly<Record<string, string>>,
  ) {
    const project = composerProject({ repository, require })
    const home = composerProject({ repository, require: {} })
    projects.push(project, home)
    const run = async (...args: readonly string[]): Promise<ComposerResult> =>
      await composer.run(args, { directory: project.directory, home: home.directory })
    const versions = (): readonly string[] =>
      project.locked().map((each) => each.split('#')[0] ?? '')
    return { ...project, run, versions }
  }
  return {
    upstream,
    mirroring,
    rewriting,
    projectOf,
    decide: async ({ url }: RunningAlmanac, verb: string, json: object = {}) => {
      const { status, body } = await askApiAt(url)('POST', `/api/v1/proxy/${verb}`, { json })
      assert.is(status, 200, JSON.stringify(body))
    },
    async close() {
      for (const project of projects) project.remove()
      for (const each of [mirroring, rewriting, upstream]) await each.close()
    },
  }
}

function copyLock(from: ComposerProject, to: ComposerProject): void {
  copyFileSync(`${from.directory}/composer.lock`, `${to.directory}/composer.lock`)
}

function isInstalled({ directory }: ComposerProject, name: string): boolean {
  return existsSync(path.join(directory, 'vendor', name, 'composer.json'))
}

forEachComposer('a frozen package', open, (test) => {
  test('update keeps its version, installs work, and the new one comes when it is unfrozen', async (context) => {
    const { mirroring, upstream, projectOf, decide } = context
    const project = projectOf(mirroring, { 'acme/log': '^1.0' })
    assert.is((await project.run('update')).code, 0)
    const before = project.versions()
    await decide(mirroring, 'freeze/acme/log')
    upstream.publish('acme/log', '1.9.0')
    for (const times of [1, 2]) {
      const { code, output } = await project.run('update')
      assert.is(code, 0, output)
      assert.equal(project.versions(), before, `${times}`)
    }
    const elsewhere = projectOf(mirroring, { 'acme/log': '^1.0' })
    copyLock(project, elsewhere)
    const { output } = await elsewhere.run('install')
    assert.ok(isInstalled(elsewhere, 'acme/log'), output)
    assert.not.match(output, 'trying the next URL')
    await decide(mirroring, 'unfreeze/acme/log')
    await project.run('update')
    assert.equal(project.versions(), ['acme/log@1.9.0'])
  })

  test('a lock with a later version gets it from its origin, unless no origin is named', async (context) => {
    const { mirroring, rewriting, projectOf, decide } = context
    for (const almanac of [mirroring, rewriting]) {
      const project = projectOf(almanac, { 'acme/container': '^1.0' })
      await project.run('update')
      await decide(almanac, 'freeze/acme/container', { at: '2024-02-01' })
      const elsewhere = projectOf(almanac, { 'acme/container': '^1.0' })
      copyLock(project, elsewhere)
      const { output } = await elsewhere.run('install', '--prefer-dist')
      assert.match(output, '404')
      assert.is(isInstalled(elsewhere, 'acme/container'), almanac === mirroring, output)
    }
  })
})

forEachComposer('blocked versions', open, (test, composer) => {
  test('update takes another version and says why, though it had the blocked one', async (context) => {
    const { mirroring, projectOf, decide } = context
    const project = projectOf(mirroring, { 'beta/text': '^1.0' })
    await project.run('update')
    assert.equal(project.versions(), ['beta/text@1.10.0'])
    const block = { package: 'beta/text', constraint: '1.10.0', reason: 'loses letters' }
    await decide(mirroring, 'block', block)
    const { output } = await project.run('update')
    assert.match(
      output,
      /Warning from .*beta\/text.*1\.10\.0 \(blocked by the operator: loses letters/,
    )
    assert.not.equal(project.versions(), ['beta/text@1.10.0'], output)
    await decide(mirroring, 'unblock', { package: 'beta/text' })
    await project.run('update')
    assert.equal(project.versions(), ['beta/text@1.10.0'])
  })

  test('when all are blocked it installs none, not even those in its own cache', async (context) => {
    const { mirroring, projectOf, decide } = context
    const project = projectOf(mirroring, { 'beta/text': '*' })
    assert.is((await project.run('update')).code, 0)
    await decide(mirroring, 'block', { package: 'beta/text', constraint: '*' })
    const { code, output } = await project.run('update')
    assert.is(code, 2, output)
    assert.match(output, 'blocked by the operator')
  })

  test('malware is not chosen at any date, and its archive is refused', async (context) => {
    const { mirroring, upstream, projectOf } = context
    const project = projectOf(mirroring, { 'acme/messages': '^1.0' })
    await project.run('update')
    const [version] = project.versions()
    upstream.flagMalware('acme/messages', version?.split('@')[1] ?? '')
    await eventually('the list was read', async () => {
      const { body } = await askApiAt(mirroring.url)('GET', '/api/v1/proxy/blocks')
      return JSON.stringify(body).includes('acme/messages')
    })
    const url = `${mirroring.url}/at/2025-01-01`
    for (const almanac of [mirroring, { ...mirroring, url }]) {
      const again = projectOf(almanac, { 'acme/messages': '^1.0' })
      const { code, output } = await again.run('update')
      assert.is(code, 0, output)
      assert.match(output, 'malware, as upstream says')
      assert.is.not(again.versions()[0], version)
    }
  })

  test('an install from a lock is refused, or its archive is, and nothing of it comes here where no origin is named', async (context) => {
    const { mirroring, rewriting, projectOf, decide } = context
    for (const almanac of [mirroring, rewriting]) {
      const project = projectOf(almanac, { 'acme/clock': '^1.0' })
      await project.run('update')
      await decide(almanac, 'block', { package: 'acme/clock', constraint: '*' })
      const elsewhere = projectOf(almanac, { 'acme/clock': '^1.0' })
      copyLock(project, elsewhere)
      const { code, output } = await elsewhere.run('install', '--prefer-dist')
      if (composer.isAtLeast('2.10')) {
        assert.is(code, 2, output)
        assert.is(isInstalled(elsewhere, 'acme/clock'), false, output)
      } else {
        assert.match(output, '410')
        assert.is(isInstalled(elsewhere, 'acme/clock'), almanac === mirroring, output)
      }
    }
  })
})
