import { writeFileSync } from 'node:fs'
import path from 'node:path'
import * as assert from 'uvu/assert'
import { startAlmanac } from '../support/almanac.ts'
import { askApiAt } from '../support/api.ts'
import { composerProject } from '../support/composer.ts'
import { type Composer, forEachComposer } from '../support/every-composer.ts'
import { issueToken, revokeToken } from '../support/tokens.ts'
import { startStubUpstream } from '../support/upstream.ts'

async function open({ run }: Composer) {
  const upstream = await startStubUpstream({ at: '2025-06-30T00:00:00Z' })
  const almanac = await startAlmanac({
    upstream: upstream.url,
    env: { PUBLIC_READ: 'false', PROXY_FEED_INTERVAL: '0' },
  })
  const { host } = new URL(almanac.url)
  /** Runs `composer install` with nothing in its cache, and this in auth.json. */
  async function install(auth: object | undefined) {
    const require = { 'beta/text': '^1.0' }
    const project = composerProject({ repository: almanac.url, require })
    const file = path.join(project.directory, 'auth.json')
    if (auth !== undefined) writeFileSync(file, JSON.stringify(auth))
    try {
      return await run(['install'], project)
    } finally {
      project.remove()
    }
  }
  return {
    host,
    install,
    api: askApiAt(almanac.url),
    async close() {
      await almanac.close()
      await upstream.close()
    },
  }
}

forEachComposer('a token in auth.json', open, (test) => {
  test('installs, with either way to put it into auth.json', async (rig) => {
    const { host, install } = rig
    const { token } = await issueToken(rig)
    for (const auth of [
      { bearer: { [host]: token } },
      { 'http-basic': { [host]: { username: 'jürgen', password: token } } },
    ]) {
      const { code, output } = await install(auth)
      assert.is(code, 0, output)
      assert.match(output, 'Installing beta/text')
      assert.not.match(output, token)
    }
  })

  test('is told what to do when it has none, or one that counts no more', async (rig) => {
    const { host, install } = rig
    const { id, token } = await issueToken(rig)
    await revokeToken(rig, id)
    for (const auth of [
      undefined,
      { bearer: { [host]: token } },
      { 'http-basic': { [host]: { username: 'token', password: token } } },
    ]) {
      const { code, output } = await install(auth)
      assert.is.not(code, 0)
      assert.match(output, 'a token is needed here, and one that counts', JSON.stringify(auth))
    }
  })

  test('is told what its token lacks', async (rig) => {
    const { host, install } = rig
    const { token } = await issueToken(rig, { grants: [{ scope: 'publish' }] })
    const { code, output } = await install({ bearer: { [host]: token } })
    assert.is.not(code, 0)
    assert.match(output, 'does not have the scope read')
  })
})
