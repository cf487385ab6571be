import * as assert from 'uvu/assert'
import { startAlmanac } from '../support/almanac.ts'
import { composerProject } from '../support/composer.ts'
import { forEachComposer } from '../support/every-composer.ts'
import { startStubUpstream } from '../support/upstream.ts'

async function open() {
  const upstream = await startStubUpstream({ at: '2025-07-30T00:00:00Z' })
  const almanac = await startAlmanac({ upstream: upstream.url, env: { PROXY_FEED_INTERVAL: '0' } })
  return {
    upstream,
    almanac,
    async close() {
      await almanac.close()
      await upstream.close()
    },
  }
}

forEachComposer('a pin of now', open, (test, { run }) => {
  for (const pin of ['/at/now', '/?at=now']) {
    test(`${pin} is followed to a date, at which everything is asked for`, async (world) => {
      const { almanac, upstream } = world
      const require = { 'acme/suite': '^1.0' }
      const direct = composerProject({ repository: upstream.url, require })
      const pinned = composerProject({ repository: almanac.url + pin, require })
      try {
        assert.is((await run(['update'], direct)).code, 0)
        const { code, output } = await run(['update', '-vvv'], pinned)
        assert.is(code, 0, output)
        assert.equal(pinned.locked(), direct.locked())
        assert.match(output, /\/at\/\d{8}T\d{6}Z\/p2\/acme\/suite\.json/)
      } finally {
        direct.remove()
        pinned.remove()
      }
    })
  }
})
