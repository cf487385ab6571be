import { copyFileSync, existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import * as assert from 'uvu/assert'
import { startAlmanac } from '../support/almanac.ts'
import { askApiAt } from '../support/api.ts'
import { type ComposerProject, composerProject } from '../support/composer.ts'
import { type Composer, forEachComposer } from '../support/every-composer.ts'
import { packageZip, putTo } from '../support/publishing.ts'
import { issueToken } from '../support/tokens.ts'
import { startStubUpstream } from '../support/upstream.ts'
import { describedPackages } from '../support/upstream/packages.ts'

/** What somebody could register under a name of ours. */
const decoy = {
  name: 'own/shop',
  description: 'Not ours',
  tags: [['9.0.0', '2025-01-01']],
  branches: { main: ['2025-01-01'] },
} as const

const now = (): string => new Date().toISOString()

async function open({ run }: Composer) {
  const upstream = await startStubUpstream({
    at: '2025-06-30T00:00:00Z',
    packages: [...describedPackages, decoy],
  })
  const almanac = await startAlmanac({
    upstream: upstream.url,
    env: { PROXY_FEED_INTERVAL: '1', PROXY_METADATA_TTL: '0' },
  })
  const api = askApiAt(almanac.url)
  const put = putTo({ api })
  const before = now()
  const shop = { name: 'own/shop', require: { 'acme/log': '^1.0', 'own/prices': '^1.0' } }
  const publish = async (version: string, composerJson: { name: string }) => {
    const { status } = await put(
      `${composerJson.name}/${version}`,
      packageZip(composerJson, version),
    )
    assert.is(status, 201)
  }
  await publish('1.0.0', { name: 'own/prices' })
  await publish('1.0.0', shop)
  const between = now()
  await publish('1.1.0', shop)
  const { token } = await issueToken({ api }, { grants: [{ scope: 'read', vendors: ['own'] }] })
  const { host } = new URL(almanac.url)
  return {
    run,
    upstream,
    almanac,
    api,
    before,
    between,
    token,
    auths: [
      { bearer: { [host]: token } },
      { 'http-basic': { [host]: { username: 'composer', password: token } } },
    ] as const,
    async close() {
      await almanac.close()
      await upstream.close()
    },
  }
}

type Rig = Awaited<ReturnType<typeof open>>

function projectAt(
  { auths: [bearer] }: Rig,
  repository: string,
  auth: object | undefined = bearer,
): ComposerProject {
  const require = { 'own/shop': '*', 'beta/text': '^1.0 || ^2.0' }
  const project = composerProject({ repository, require })
  if (auth !== undefined)
    writeFileSync(path.join(project.directory, 'auth.json'), JSON.stringify(auth))
  return project
}

function versionsIn(project: ComposerProject): readonly string[] {
  return project.locked().map((identity) => identity.replace(/#.*/, ''))
}

/** No word of the decoy, nor of any name of the vendor, went upstream. */
function checkUpstream({ upstream }: Rig): void {
  assert.equal(
    upstream.requests.filter(({ path: asked, body }) => /own|prices/.test(asked + body)),
    [],
  )
}

forEachComposer('packages of our own', open, (test) => {
  test('installs ours and upstream’s from one URL, with auth.json in both styles', async (rig) => {
    for (const auth of rig.auths) {
      const project = projectAt(rig, rig.almanac.url, auth)
      const { code, output } = await rig.run(['update'], project)
      assert.is(code, 0, output)
      const versions = versionsIn(project)
      assert.ok(versions.includes('own/shop@1.1.0'), versions.join())
      assert.ok(versions.includes('own/prices@1.0.0'))
      assert.ok(versions.some((each) => each.startsWith('acme/log@1.')))
      assert.ok(existsSync(path.join(project.directory, 'vendor/own/shop/src/Log.php')))
      assert.not.match(output, rig.token)
      project.remove()
    }
    checkUpstream(rig)
  })

  test('installs from a lock file, also what was withdrawn since', async (rig) => {
    const { almanac, api } = rig
    const first = projectAt(rig, almanac.url)
    await rig.run(['update'], first)
    await api('DELETE', '/api/v1/packages/own/shop/1.1.0')
    const second = projectAt(rig, almanac.url)
    for (const name of ['composer.json', 'composer.lock']) {
      copyFileSync(path.join(first.directory, name), path.join(second.directory, name))
    }
    const { code, output } = await rig.run(['install'], second)
    assert.is(code, 0, output)
    assert.equal(second.locked(), first.locked())
    const updated = await rig.run(['update'], second)
    assert.is(updated.code, 0, updated.output)
    assert.ok(versionsIn(second).includes('own/shop@1.0.0'))
    await api('PUT', '/api/v1/packages/own/shop/1.1.0', {
      body: packageZip(
        { name: 'own/shop', require: { 'acme/log': '^1.0', 'own/prices': '^1.0' } },
        '1.1.0',
      ),
    })
    for (const project of [first, second]) project.remove()
    checkUpstream(rig)
  })

  test('resolves at a date what was published by then, and nothing of ours before', async (rig) => {
    const { almanac, before, between } = rig
    const then = projectAt(rig, `${almanac.url}/at/${between}`)
    const { code, output } = await rig.run(['update'], then)
    assert.is(code, 0, output)
    assert.ok(versionsIn(then).includes('own/shop@1.0.0'), versionsIn(then).join())

    const earlier = projectAt(rig, `${almanac.url}/at/${before}`)
    const refused = await rig.run(['update'], earlier)
    assert.is.not(refused.code, 0)
    assert.match(refused.output, 'own/shop')
    assert.not.match(refused.output, '9.0.0')
    for (const project of [then, earlier]) project.remove()
    checkUpstream(rig)
  })

  test('is told what to do without a token, and finds no other own/shop', async (rig) => {
    const project = projectAt(rig, rig.almanac.url, {})
    const { code, output } = await rig.run(['update'], project)
    assert.is.not(code, 0)
    assert.match(output, 'a token is needed here')
    project.remove()
    checkUpstream(rig)
  })

  test('searches, shows and audits both', async (rig) => {
    const project = projectAt(rig, rig.almanac.url)
    await rig.run(['update'], project)
    const search = await rig.run(['search', 'shop'], project)
    assert.match(search.output, 'own/shop')
    const show = await rig.run(['show', '--all', 'own/shop'], project)
    assert.match(show.output, '1.1.0')
    const audit = await rig.run(['audit'], project)
    assert.is(audit.code, 0, audit.output)
    project.remove()
    checkUpstream(rig)
  })

  test('reports its installs, which are in the audit trail with the token', async (rig) => {
    const { almanac, api, upstream } = rig
    // What isn't recorded yet is when it ends.
    await almanac.stop()
    const { dataDirectory, port } = almanac
    const again = await startAlmanac({ upstream: upstream.url, dataDirectory, port })
    const { body } = await api('GET', '/api/v1/audit/installs?package=own/shop')
    const { installs } = body as { installs: { actor: string; versionNormalized: string }[] }
    assert.ok(installs.some(({ versionNormalized }) => versionNormalized === '1.1.0.0'))
    assert.ok(installs.every(({ actor }) => actor.startsWith('token ')))
    await again.close()
    checkUpstream(rig)
  })
})
