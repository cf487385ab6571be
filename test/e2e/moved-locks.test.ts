import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import * as assert from 'uvu/assert'
import { startAlmanac } from '../support/almanac.ts'
import { askApiAt } from '../support/api.ts'
import { composerProject } from '../support/composer.ts'
import { type Composer, forEachComposer } from '../support/every-composer.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { packageZip, putTo } from '../support/publishing.ts'
import { removeDirectory } from '../support/temporary-directory.ts'
import { issueToken } from '../support/tokens.ts'
import { startStubUpstream } from '../support/upstream.ts'

/** Projects whose lock was made at one URL, of a server that has another one since. */
async function open({ run, isAtLeast }: Composer) {
  const upstream = await startStubUpstream({ at: '2025-06-30T00:00:00Z' })
  const closers = [upstream.close]
  const moved = async (mode: string) => {
    const database = await createTestDatabase()
    const start = async () =>
      await startAlmanac({
        upstream: upstream.url,
        databaseUrl: database.url,
        env: { PROXY_DIST_MODE: mode },
      })
    const former = await start()
    closers.unshift(former.close)
    const api = askApiAt(former.url)
    const version = packageZip({ name: 'own/prices' })
    assert.is((await putTo({ api })('own/prices/1.0.0', version)).status, 201)
    const { token } = await issueToken({ api }, { grants: [{ scope: 'read', vendors: ['own'] }] })
    const require = { 'own/prices': '*', 'acme/log': '^1.0', 'beta/text': '*' }
    const project = composerProject({ repository: former.url, require })
    const file = (name: string) => path.join(project.directory, name)
    const trust = ({ url }: { readonly url: string }) => {
      const auth = { bearer: { [new URL(url).host]: token } }
      writeFileSync(file('auth.json'), JSON.stringify(auth))
    }
    trust(former)
    assert.is((await run(['update'], project)).code, 0)
    await former.stop()
    const almanac = await start()
    closers.unshift(almanac.close, database.close)
    trust(almanac)
    const composerJson = readFileSync(file('composer.json'), 'utf8')
    writeFileSync(file('composer.json'), composerJson.replaceAll(former.url, almanac.url))
    removeDirectory(file('vendor'))
    return {
      former,
      almanac,
      project,
      lock: () => readFileSync(file('composer.lock'), 'utf8'),
      keep: () => copyFileSync(file('composer.lock'), file('kept.lock')),
      restore: () => copyFileSync(file('kept.lock'), file('composer.lock')),
      /** As README has it. */
      sed: () => {
        const expression = `s#${former.url}/#${almanac.url}/#`
        const { status } = spawnSync('sed', ['-i.bak', expression, file('composer.lock')])
        assert.is(status, 0)
      },
    }
  }
  return {
    run,
    isAtLeast,
    moved,
    async close() {
      for (const close of closers) await close()
    },
  }
}

forEachComposer('a lock that was made at another URL', open, (test) => {
  for (const mode of ['mirror', 'rewrite']) {
    test(`is brought over by sed, and of update --lock alone by Composer before 2.8, with ${mode}`, async (world) => {
      const { former, almanac, project, lock, sed, keep, restore } = await world.moved(mode)
      const before = project.locked()
      keep()
      const alone = await world.run(['update', '--lock', '--no-install'], project)
      assert.is(alone.code, 0, alone.output)
      // Its own packages are always brought over.
      assert.match(lock(), `${almanac.url}/dist-proxy/own/prices/`)
      assert.not.match(lock(), `${former.url}/dist-proxy/own/prices/`)
      assert.is(lock().includes(former.url), world.isAtLeast('2.8'))
      restore()
      sed()
      const { code, output } = await world.run(['update', '--lock'], project)
      assert.is(code, 0, output)
      assert.not.match(lock(), former.url)
      assert.match(lock(), `${almanac.url}/dist-proxy/own/prices/`)
      assert.equal(project.locked(), before)
      assert.not.match(output, /not up to date|failed/i)
      for (const name of ['own/prices', 'acme/log', 'beta/text']) {
        assert.ok(existsSync(path.join(project.directory, 'vendor', name)))
      }
      restore()
      const updated = await world.run(['update', '--no-install'], project)
      assert.is(updated.code, 0, updated.output)
      assert.not.match(lock(), former.url)
    })
  }
})
