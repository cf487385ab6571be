import { copyFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { startAlmanac } from '../support/almanac.ts'
import { composerProject } from '../support/composer.ts'
import { type Composer, forEachComposer } from '../support/every-composer.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { eventually } from '../support/suite.ts'
import { removeDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { startStubUpstream } from '../support/upstream.ts'

const require = { 'acme/suite': '^1.0', 'acme/mailer': '^1.0', 'beta/text': '^1.0 || ^2.0' }

async function open({ run }: Composer) {
  const upstream = await startStubUpstream({ at: '2025-06-30T00:00:00Z' })
  const almanac = await startAlmanac({
    upstream: upstream.url,
    // Every request asks upstream again, so that tests need not wait for a time to live to pass.
    env: { PROXY_METADATA_TTL: '0', PROXY_FEED_INTERVAL: '0' },
  })
  /** Runs `composer update` in a new project with an empty cache; what it locked, or its output. */
  async function update(
    repository: string,
    extra: Readonly<Record<string, unknown>> = {},
  ): Promise<readonly string[] | string> {
    const project = composerProject({ repository, require, extra })
    try {
      const { code, output } = await run(['update'], project)
      return code === 0 ? project.locked() : output
    } finally {
      project.remove()
    }
  }
  return {
    upstream,
    almanac,
    run,
    update,
    async close() {
      await almanac.close()
      await upstream.close()
    },
  }
}

forEachComposer('resolving and installing through the proxy', open, (test) => {
  test('update resolves and installs what it does at upstream itself', async ({
    upstream,
    almanac,
    update,
  }) => {
    const direct = await update(upstream.url)
    assert.ok(Array.isArray(direct) && direct.length > 5, String(direct))
    assert.equal(await update(almanac.url), direct)
  })

  test('branches and dev stabilities resolve as at upstream too', async ({
    upstream,
    almanac,
    update,
  }) => {
    const extra = { 'minimum-stability': 'dev' }
    assert.equal(await update(almanac.url, extra), await update(upstream.url, extra))
  })

  test('archives come through the proxy, once each, whoever installs', async ({
    upstream,
    almanac,
    update,
  }) => {
    upstream.forget()
    assert.ok(Array.isArray(await update(almanac.url)))
    assert.is(upstream.requestsFor(/^\/(dist|codeload)\//).length, 0)
  })

  test('without PUBLIC_URL, the first update says once that its lock is of no use elsewhere', async ({
    upstream,
    run,
  }) => {
    const { url: databaseUrl, close } = await createTestDatabase()
    const env = { PUBLIC_URL: '' }
    const almanac = await startAlmanac({ upstream: upstream.url, databaseUrl, env })
    const home = temporaryDirectory('composer-home')
    const project = composerProject({ repository: almanac.url, require })
    const said = 'Almanac: for trying out: locks made now will name 127.0.0.1; set PUBLIC_URL'
    const times: number[] = []
    for (const args of [['update'], ['update'], ['install'], ['show', '--all', 'acme/log']]) {
      const { code, output } = await run(args, { directory: project.directory, home })
      assert.is(code, 0, output)
      times.push(output.split(said).length - 1)
    }
    assert.equal(times, [1, 0, 0, 0])
    await almanac.close()
    await close()
    for (const directory of [home, project.directory]) removeDirectory(directory)
  })

  test('a second run with a warm cache revalidates, and downloads nothing', async ({
    almanac,
    run,
  }) => {
    const project = composerProject({ repository: almanac.url, require })
    const home = composerProject({ repository: almanac.url, require: {} })
    const options = { directory: project.directory, home: home.directory }
    await run(['update'], options)
    const again = await run(['update', '-vvv'], options)
    assert.is(again.code, 0, again.output)
    assert.match(again.output, /\[304\]/)
    assert.not.match(again.output, /\[200\] http\S+\/p2\//)
    for (const each of [project, home]) each.remove()
  })

  test('a date before the first request resolves as upstream did on that day', async ({
    upstream,
    almanac,
    update,
  }) => {
    upstream.at('2025-03-02T00:00:00Z')
    const then = await update(upstream.url)
    upstream.at('2025-06-30T01:00:00Z')
    assert.equal(await update(`${almanac.url}/at/2025-03-01`), then)
    assert.equal(await update(`${almanac.url}/packages.json?at=2025-03-01`), then)
    assert.is.not(String(await update(almanac.url)), String(then))
  })

  test('a pin says in the terminal which instant it is', async ({ almanac, run }) => {
    const project = composerProject({ repository: `${almanac.url}/at/2025-03-01`, require })
    const { output } = await run(['update', '--dry-run'], project)
    project.remove()
    assert.match(output, 'packages as of 2025-03-01')
  })

  test('after upstream moved on, a pin still gives what was installed then', async ({
    upstream,
    almanac,
    update,
  }) => {
    const before = await update(almanac.url)
    const then = new Date().toISOString()
    // The next observation must come after the instant that was noted.
    await eventually('the clock has moved on', () => new Date().toISOString() > then)
    upstream.at('2026-05-01T00:00:00Z')
    upstream.withdraw('beta/text', '1.10.0')
    const after = await update(almanac.url)
    assert.ok(Array.isArray(after), String(after))
    assert.is.not(String(after), String(before))
    assert.equal(await update(`${almanac.url}/packages.json?at=${then}`), before)
  })

  test('an install from the lock works with upstream gone', async ({ upstream, almanac, run }) => {
    const project = composerProject({ repository: almanac.url, require })
    await run(['update'], project)
    const clear = upstream.fail({ match: /./, mode: 'reset' })
    const elsewhere = composerProject({ repository: almanac.url, require })
    copyFileSync(`${project.directory}/composer.lock`, `${elsewhere.directory}/composer.lock`)
    const { code, output } = await run(['install'], elsewhere)
    clear()
    assert.is(code, 0, output)
    assert.not.match(output, 'trying the next URL')
    for (const each of [project, elsewhere]) each.remove()
  })

  test('search, show and audit work through the proxy', async ({ almanac, run }) => {
    const project = composerProject({ repository: almanac.url, require })
    await run(['update'], project)
    const commands = [
      [['search', 'text'], 'beta/text'],
      [['show', '-a', 'acme/log'], '1.1.0'],
      [['audit'], 'No security vulnerability'],
    ] as const
    for (const [command, expected] of commands) {
      const { output } = await run(command, project)
      assert.match(output, expected)
    }
    project.remove()
  })
})
