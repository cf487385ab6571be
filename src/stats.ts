import { readInstallCounts } from '../projections/install.ts'
import { type DayUsage, readTopPackages, readUsage } from '../projections/usage.ts'
import type { Db } from './database/schema.ts'
import type { ProxyStats, Usage } from './http/admin/stats.ts'
import { Instant } from './time-machine/instant.ts'

const topPackagesMax = 20

/** What was done on these days, both included, as far as it is recorded. */
export async function readStats(db: Db, from: string, to: string): Promise<ProxyStats> {
  const [days, installs, packages] = await Promise.all([
    readUsage(db, { from, to }),
    readInstallCounts(db, { from, to }),
    readTopPackages(db, { from, to, limit: topPackagesMax }),
  ])
  const [first] = days
  return {
    from,
    to,
    since: first === undefined ? null : Instant.parse(`${first.day}T00:00:00.000000Z`),
    ...usageOf(days, installs),
    days: days.map((day) => ({ day: day.day, ...usageOf([day], installs) })),
    topPackages: packages.map(({ package_name, metadata, archives }) => ({
      package: package_name,
      metadataRequests: Number(metadata),
      archiveRequests: Number(archives),
    })),
  }
}

function usageOf(days: readonly DayUsage[], installs: ReadonlyMap<string, number>): Usage {
  const sum = (what: string): number =>
    days.reduce((before, { counts }) => before + (counts.get(what) ?? 0), 0)
  const upstream = {
    requests: sum('upstream_requests'),
    bytes: sum('upstream_bytes'),
    failures: sum('upstream_failures'),
  }
  const servedBytes = sum('served_bytes')
  return {
    metadata: cacheUseOf('metadata', sum),
    archives: cacheUseOf('archives', sum),
    upstream,
    served: {
      requests: sum('requests'),
      bytes: servedBytes,
      // Metadata is fetched ahead of those who ask for it, so it may be less than nothing.
      bytesSaved: Math.max(0, servedBytes - upstream.bytes),
    },
    evictions: sum('evictions'),
    installs: days.reduce((before, { day }) => before + (installs.get(day) ?? 0), 0),
    latencyMs: percentilesOf(days),
  }
}

function cacheUseOf(kind: string, sum: (what: string) => number): Usage['metadata'] {
  const hits = sum(`${kind}_hit`)
  const misses = sum(`${kind}_miss`)
  const stale = sum(`${kind}_stale`)
  const coalesced = sum(`${kind}_coalesced`)
  const spared = hits + stale + coalesced
  const all = spared + misses
  return {
    hits,
    misses,
    stale,
    coalesced,
    negative: sum(`${kind}_negative`),
    hitRatio: all === 0 ? null : spared / all,
  }
}

function percentilesOf(days: readonly DayUsage[]): Usage['latencyMs'] {
  const counts = new Map<number, number>()
  for (const [upToMs, count] of days.flatMap(({ latency }) => [...latency])) {
    counts.set(upToMs, (counts.get(upToMs) ?? 0) + count)
  }
  const steps = [...counts].toSorted(([one], [other]) => one - other)
  const all = steps.reduce((sum, [, count]) => sum + count, 0)
  /** The lowest bound that so many of the requests kept to. */
  function bound(fraction: number): number | null {
    let kept = 0
    const [upToMs] = steps.find(([, count]) => (kept += count) >= fraction * all) ?? []
    return upToMs === undefined || upToMs === Infinity ? null : upToMs
  }
  return { p50: bound(0.5), p95: bound(0.95), p99: bound(0.99) }
}
