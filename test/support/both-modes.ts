import { type RunningAlmanac, startAlmanac } from './almanac.ts'
import type { StubUpstream } from './upstream.ts'

export interface BothModes {
  readonly upstream: StubUpstream
  readonly rewriting: RunningAlmanac
  readonly mirroring: RunningAlmanac
  readonly close: () => Promise<void>
}

/** Almanac in each of its modes before one upstream, which every request asks again. All three are closed together. */
export async function startBothModes(upstream: StubUpstream): Promise<BothModes> {
  const env = { PROXY_METADATA_TTL: '0', PROXY_FEED_INTERVAL: '0' }
  const start = async (mode: 'rewrite' | 'mirror') =>
    await startAlmanac({ upstream: upstream.url, env: { ...env, PROXY_DIST_MODE: mode } })
  const rewriting = await start('rewrite')
  const mirroring = await start('mirror')
  return {
    upstream,
    rewriting,
    mirroring,
    async close() {
      for (const each of [rewriting, mirroring, upstream]) await each.close()
    },
  }
}
