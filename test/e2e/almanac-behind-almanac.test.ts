import * as assert from 'uvu/assert'
import { startAlmanac } from '../support/almanac.ts'
import { composerProject } from '../support/composer.ts'
import { forEachComposer } from '../support/every-composer.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { startStubUpstream } from '../support/upstream.ts'

const archiveRequests = /^\/(dist|codeload)\//
const some = { description: '', branches: {}, tags: [['1.0.0', '2024-01-02']] } as const
const packages = [
  { name: 'odd/plain', ...some, branches: { main: ['2024-01-02', '2024-02-02'] } },
  { name: 'odd/summed', ...some, hasShasum: true },
  { name: 'odd/tar', ...some, distType: 'tar' },
  { name: 'odd/file', ...some, distType: 'file' },
  { name: 'odd/named', ...some, distReference: 'version' },
  { name: 'odd/bare', ...some, distReference: 'none' },
] as const
const require = {
  ...Object.fromEntries(packages.map(({ name }) => [name, '^1.0'])),
  'odd/plain': 'dev-main',
}
const modes = [
  ['mirror', 'mirror'],
  ['mirror', 'rewrite'],
  ['rewrite', 'mirror'],
  ['rewrite', 'rewrite'],
] as const

async function open() {
  const upstream = await startStubUpstream({ at: '2025-07-30T00:00:00Z', packages })
  const opened: { readonly close: () => Promise<void> }[] = [upstream]
  async function almanac(of: string, mode: string) {
    const { url: databaseUrl } = await createTestDatabase()
    const one = await startAlmanac({
      upstream: of,
      databaseUrl,
      env: {
        PROXY_METADATA_TTL: '0',
        PROXY_FEED_INTERVAL: '0',
        PROXY_DIST_MODE: mode,
        // Documents of one that doesn't rewrite name the archives of upstream's.
        PROXY_DIST_HOSTS: upstream.url,
      },
    })
    opened.unshift(one)
    return one
  }
  return {
    upstream,
    almanac,
    async close() {
      for (const each of opened) await each.close()
    },
  }
}

forEachComposer('Almanac behind Almanac', open, (test, { run }) => {
  for (const [behind, before] of modes) {
    test(`${before} before ${behind}: updates as from upstream, and both keep the archives`, async ({
      upstream,
      almanac,
    }) => {
      const inner = await almanac(upstream.url, behind)
      const outer = await almanac(inner.url, before)
      const direct = composerProject({ repository: upstream.url, require })
      const project = composerProject({ repository: outer.url, require })
      const pinned = composerProject({ repository: `${outer.url}/at/2025-06-01`, require })
      try {
        assert.is((await run(['update'], direct)).code, 0)
        upstream.forget()
        for (const each of [project, pinned]) {
          const { code, output } = await run(['update'], each)
          assert.is(code, 0, output)
          assert.not.match(output, 'trying the next URL')
          assert.equal(each.locked(), direct.locked())
        }
        assert.is(upstream.requestsFor(archiveRequests).length, packages.length)
        const again = composerProject({ repository: outer.url, require })
        const clear = upstream.fail({ match: /./, mode: 'reset' })
        const { code, output } = await run(['update'], again)
        clear()
        again.remove()
        assert.is(code, 0, output)
      } finally {
        for (const each of [direct, project, pinned]) each.remove()
        await outer.close()
        await inner.close()
      }
    })
  }

  for (const behind of ['mirror', 'rewrite'] as const) {
    test(`rewrite before a pin of ${behind}: updates as from the pin itself`, async ({
      upstream,
      almanac,
    }) => {
      const inner = await almanac(upstream.url, behind)
      const pin = `${inner.url}/at/2025-06-01`
      const outer = await almanac(pin, 'rewrite')
      const direct = composerProject({ repository: pin, require })
      const project = composerProject({ repository: outer.url, require })
      try {
        const atThePin = await run(['update'], direct)
        assert.is(atThePin.code, 0, atThePin.output)
        const { code, output } = await run(['update'], project)
        assert.is(code, 0, output)
        assert.not.match(output, 'trying the next URL')
        assert.equal(project.locked(), direct.locked())
      } finally {
        for (const each of [direct, project]) each.remove()
        await outer.close()
        await inner.close()
      }
    })
  }
})
