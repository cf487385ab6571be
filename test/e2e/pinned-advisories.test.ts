import * as assert from 'uvu/assert'
import { type RunningAlmanac, startAlmanac } from '../support/almanac.ts'
import { askApiAt } from '../support/api.ts'
import { type ComposerProject, composerProject } from '../support/composer.ts'
import { type Composer, forEachComposer } from '../support/every-composer.ts'
import { startStubUpstream } from '../support/upstream.ts'

// Versions below 1.1.1 have an advisory since 2025-04-03, a day after 1.1.1 came.
const then = '2025-03-25T00:00:00Z'
const today = '2026-06-01T00:00:00Z'

async function open({ run, isAtLeast }: Composer) {
  const upstream = await startStubUpstream({ at: today })
  const start = async (pinAdvisories: string) =>
    await startAlmanac({
      upstream: upstream.url,
      env: { PROXY_METADATA_TTL: '0', PROXY_PIN_ADVISORIES: pinAdvisories },
    })
  const recorded = await start('recorded')
  const live = await start('live')
  const projects: ComposerProject[] = []
  async function update(repository: string, require = '^1.0') {
    const project = composerProject({ repository, require: { 'acme/log': require } })
    projects.push(project)
    const ran = await run(['update', '--no-install'], project)
    const audit = async () => await run(['audit', '--locked'], project)
    return { ...ran, audit, locked: ran.code === 0 ? project.locked() : [] }
  }
  return {
    upstream,
    recorded,
    live,
    update,
    /** Whether it resolves to no version that has an advisory. */
    heeds: isAtLeast('2.9'),
    freeze: async ({ url }: RunningAlmanac, json: object = {}) => {
      const { status } = await askApiAt(url)('POST', '/api/v1/proxy/freeze/acme/log', { json })
      assert.is(status, 200)
    },
    async close() {
      for (const project of projects) project.remove()
      for (const each of [recorded, live, upstream]) await each.close()
    },
  }
}

forEachComposer('update at a date before the first record', open, (test) => {
  test('resolves to what upstream had then, though it has an advisory now', async (context) => {
    const { upstream, recorded, update } = context
    upstream.at(then)
    const direct = await update(upstream.url)
    upstream.at(today)
    const pinned = await update(`${recorded.url}/at/${then}`)
    assert.is(pinned.code, 0, pinned.output)
    assert.match(pinned.locked.join(), 'acme/log@1.1.0#')
    assert.equal(pinned.locked, direct.locked)
    assert.match(pinned.output, 'security advisories are those known then')
    const { code, output } = await pinned.audit()
    assert.is.not(code, 0, 'an audit is about today')
    assert.match(output, 'Line breaks in messages forge entries')
  })

  test('heeds the advisories of today where the settings say so', async (context) => {
    const { live, update, heeds } = context
    const { code, output, locked } = await update(`${live.url}/at/${then}`)
    assert.match(output, "security advisories are today's")
    if (heeds) assert.is(code, 2, output)
    else assert.match(locked.join(), 'acme/log@1.1.0#')
    if (heeds) assert.match(output, 'security advisories')
    else assert.match(output, 'Found 1 security vulnerability advisory')
  })
})

forEachComposer('an advisory about a frozen package', open, (test) => {
  test('is heeded and told as without a freeze', async (context) => {
    const { upstream, recorded, update, freeze, heeds } = context
    for (const json of [{}, { at: '2025-06-01' }]) {
      await freeze(recorded, json)
      const before = await update(recorded.url, '^2.0')
      assert.is(before.code, 0, before.output)
      assert.not.match(before.output, 'Found 1 security')
      const title = `Reads files of others, ${JSON.stringify(json)}`
      const advisoryId = `PKSA-${JSON.stringify(json).length}`
      upstream.advise('acme/log', { advisoryId, title, affectedVersions: '*', severity: 'high' })
      const after = await update(recorded.url, '^2.0')
      assert.is(after.code, heeds ? 2 : 0, after.output)
      assert.match(after.output, heeds ? 'security advisories' : 'Found 1 security vulnerability')
      const { code, output } = await before.audit()
      assert.is.not(code, 0)
      assert.match(output, title)
      upstream.retract('acme/log', advisoryId)
    }
  })
})
