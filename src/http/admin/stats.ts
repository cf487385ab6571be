import { z } from 'zod'
import { PackageName } from '../../composer/names.ts'
import { AppError } from '../../errors.ts'
import { addSeconds, Instant } from '../../time-machine/instant.ts'
import { endpoint } from '../endpoint.ts'
import type { ApiRoute } from '../route.ts'

const count = z.int().nonnegative()

const CacheUse = z.object({
  hits: count.describe('Answered from here.'),
  misses: count.describe('Upstream was asked.'),
  stale: count.describe('Answered from here with what is older than it should be.'),
  coalesced: count.describe('Waited for an answer of upstream that another request had asked for.'),
  negative: count.describe('Known here not to be there.'),
  hitRatio: z
    .number()
    .nullable()
    .describe('Of all but `negative`, how many needed no request to upstream of their own.'),
})

const milliseconds = z.number().nullable()
const Percentiles = z
  .object({ p50: milliseconds, p95: milliseconds, p99: milliseconds })
  .describe(
    'Of requests by Composer, to the end of the answer. Counted in steps: so many took at most ' +
      'that long. null: there was none, or it took longer than 120 s.',
  )

const Usage = z.object({
  metadata: CacheUse,
  archives: CacheUse,
  upstream: z.object({
    requests: count,
    bytes: count,
    failures: count.describe('No whole answer, 429, or 5xx.'),
  }),
  served: z.object({
    requests: count,
    bytes: count,
    bytesSaved: count.describe('What was sent to clients and did not come from upstream for it.'),
  }),
  evictions: count,
  installs: count.describe('Of packages, as Composer reported them.'),
  latencyMs: Percentiles,
})
export type Usage = z.infer<typeof Usage>

const Day = z.iso.date({ error: 'must be a date like 2026-05-31' })

const ProxyStats = Usage.extend({
  from: Day,
  to: Day.describe('Days are UTC, both included.'),
  since: Instant.nullable().describe(
    'Beginning of the first day of these on which there was anything.',
  ),
  days: z.array(Usage.extend({ day: Day })),
  topPackages: z
    .array(z.object({ package: PackageName, metadataRequests: count, archiveRequests: count }))
    .describe('Those that were asked for most; rarely wanted ones may be missing from the counts.'),
})
export type ProxyStats = z.infer<typeof ProxyStats>

export interface StatsDeps {
  readonly now: () => Instant
  /** Of these days, both included. */
  readonly readStats: (from: string, to: string) => Promise<ProxyStats>
}

const daysMax = 366
const dayInSeconds = 86_400

export function proxyStats({ now, readStats }: StatsDeps): ApiRoute {
  return endpoint({
    policy: 'admin',
    method: 'get',
    path: '/api/v1/proxy/stats',
    id: 'readStats',
    summary: 'What the proxy did for its clients, in sum and by day',
    description:
      'Recorded once a minute, over all nodes. Without parameters, of the 30 days up to today; ' +
      `at most ${daysMax} days.`,
    query: z.strictObject({ from: Day.optional(), to: Day.optional() }),
    result: ProxyStats,
    async handle({ query }) {
      const { to = now().slice(0, 10), from = dayBefore(to, 29) } = query
      if (from > to) throw new AppError('invalid_request', 'query: from must not be after to')
      if (from <= dayBefore(to, daysMax)) {
        const message = `query: from and to may be ${daysMax} days at most`
        throw new AppError('invalid_request', message)
      }
      return await readStats(from, to)
    },
  })
}

function dayBefore(day: string, days: number): string {
  const midnight = Instant.parse(`${day}T00:00:00.000000Z`)
  return addSeconds(midnight, -days * dayInSeconds).slice(0, 10)
}
