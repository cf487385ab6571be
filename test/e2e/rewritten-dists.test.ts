import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { startBothModes } from '../support/both-modes.ts'
import { composerProject } from '../support/composer.ts'
import type { ComposerProject, ComposerProjectOptions } from '../support/composer.ts'
import { type Composer, forEachComposer } from '../support/every-composer.ts'
import { eventually } from '../support/suite.ts'
import { startStubUpstream } from '../support/upstream.ts'
import { describedPackages } from '../support/upstream/packages.ts'

const archiveRequests = /^\/(dist|codeload)\//
const some = { description: '', branches: {}, tags: [['1.0.0', '2024-01-02']] } as const
const oddPackages = [
  { name: 'odd/tar', ...some, distType: 'tar' },
  { name: 'odd/file', ...some, distType: 'file' },
  { name: 'odd/gzip', ...some, distType: 'gzip' },
  { name: 'odd/named', ...some, distReference: 'version' },
  { name: 'odd/bare', ...some, distReference: 'none' },
] as const

const open = async () =>
  await startBothModes(
    await startStubUpstream({
      at: '2025-07-30T00:00:00Z',
      packages: [...describedPackages, ...oddPackages],
    }),
  )

/** Runs a Composer that has nothing in its cache, in a project that is removed afterwards. */
async function inProject<Outcome>(
  { run }: Composer,
  options: ComposerProjectOptions,
  look: (project: ComposerProject, output: string) => Outcome | Promise<Outcome>,
): Promise<Outcome> {
  const project = composerProject(options)
  try {
    const { code, output } = await run(['update'], project)
    assert.is(code, 0, output)
    return await look(project, output)
  } finally {
    project.remove()
  }
}

const Lock = z.object({
  packages: z.array(
    z.object({
      name: z.string(),
      dist: z.object({ url: z.string(), mirrors: z.unknown().optional() }).optional(),
    }),
  ),
})

function releaseOf({ directory }: ComposerProject, name: string): string {
  return readFileSync(path.join(directory, 'vendor', name, 'src', 'Release.php'), 'utf8')
}

/** Installs from a project's lock in another place, with an empty cache. Returns what is installed. */
async function installElsewhere(
  { run }: Composer,
  { directory }: ComposerProject,
  options: ComposerProjectOptions,
): Promise<readonly string[]> {
  const elsewhere = composerProject(options)
  copyFileSync(
    path.join(directory, 'composer.lock'),
    path.join(elsewhere.directory, 'composer.lock'),
  )
  try {
    const { code, output } = await run(['install'], elsewhere)
    assert.is(code, 0, output)
    const vendor = path.join(elsewhere.directory, 'vendor')
    return readdirSync(vendor, { recursive: true }).map(String).toSorted()
  } finally {
    elsewhere.remove()
  }
}

forEachComposer('rewritten dists', open, (test, composer) => {
  const require = {
    'acme/suite': '^1.0',
    'acme/mailer': 'dev-feature/queue',
    'beta/edge': 'dev-main',
    'acme/log': '1.x-dev as 1.1.9',
  }

  test('resolves and installs tags and branches, and asks nobody else for archives', async ({
    upstream,
    rewriting,
  }) => {
    const direct = await inProject(composer, { repository: upstream.url, require }, (project) =>
      project.locked(),
    )
    upstream.forget()
    const options = { repository: rewriting.url, require }
    await inProject(composer, options, async (project) => {
      assert.equal(project.locked(), direct)
      const { packages } = Lock.parse(project.lock())
      const dists = packages.flatMap(({ dist }) => dist ?? [])
      assert.ok(dists.length > 5)
      for (const { url, mirrors } of dists) {
        assert.ok(url.startsWith(`${rewriting.url}/dist-proxy/`), url)
        assert.not.match(url, '%package%')
        assert.is(mirrors, undefined)
      }
      const asked = upstream.requestsFor(archiveRequests)
      assert.is(asked.length, dists.length)
      const shown = await composer.run(['show', '-a', 'acme/log'], project)
      assert.match(shown.output, `${rewriting.url}/dist-proxy/acme/log/`)
      assert.not.match(shown.output, '%package%')
      for (const { headers } of asked) assert.is(headers['user-agent'], 'cargoman-proxy')

      const clear = upstream.fail({ match: /./, mode: 'reset' })
      const installed = await installElsewhere(composer, project, options)
      clear()
      const nothing = `${rewriting.url}/p2/acme/nothing.json`
      await eventually('upstream is asked again', async () => (await fetch(nothing)).status === 404)
      const vendor = readdirSync(path.join(project.directory, 'vendor'), { recursive: true })
      assert.equal(installed, vendor.map(String).toSorted())
    })
  })

  for (const mode of ['rewriting', 'mirroring'] as const) {
    test(`${mode}: a commit of a branch is what is installed when it is required`, async (almanacs) => {
      const { upstream } = almanacs
      const { url } = almanacs[mode]
      const wanted = upstream.pushCommit('beta/edge', 'main')
      const head = upstream.pushCommit('beta/edge', 'main')
      upstream.forget()
      const options = { repository: url, require: { 'beta/edge': `dev-main#${wanted}` } }
      await inProject(composer, options, async (project, output) => {
        assert.not.match(output, 'trying the next URL')
        assert.equal(project.locked(), [`beta/edge@dev-main#${wanted}`])
        assert.match(releaseOf(project, 'beta/edge'), wanted)
        assert.not.match(releaseOf(project, 'beta/edge'), head)
        await installElsewhere(composer, project, options)
      })
      const [asked, ...more] = upstream.requestsFor(archiveRequests)
      assert.is(asked?.path, `/dist/beta/edge/${wanted}.zip`)
      assert.is(asked?.headers['user-agent'], 'cargoman-proxy')
      assert.is(more.length, 0)
    })
  }

  test('installs archives of other types, and with odd references or none, as upstream', async ({
    upstream,
    rewriting,
  }) => {
    const odd = Object.fromEntries(oddPackages.map(({ name }) => [name, '^1.0']))
    const filesOf = ({ directory }: ComposerProject) =>
      oddPackages.map(({ name }) => {
        const folder = path.join(directory, 'vendor', name)
        return readdirSync(folder, { recursive: true }).map(String).toSorted()
      })
    const direct = await inProject(composer, { repository: upstream.url, require: odd }, filesOf)
    upstream.forget()
    const options = { repository: rewriting.url, require: odd }
    await inProject(composer, options, async (project) => {
      assert.equal(filesOf(project), direct)
      assert.match(releaseOf(project, 'odd/tar'), "VERSION = '1.0.0'")
      await installElsewhere(composer, project, options)
    })
    const asked = upstream.requestsFor(archiveRequests)
    assert.is(asked.length, oddPackages.length)
    for (const { headers } of asked) assert.is(headers['user-agent'], 'cargoman-proxy')
  })
})
