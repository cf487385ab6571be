import { z } from 'zod'
import { Instant } from '../../time-machine/instant.ts'
import { endpoint } from '../endpoint.ts'
import type { ApiRoute } from '../route.ts'
import { FrozenPackage } from './freeze.ts'

const bytes = z.int().nonnegative()

/** Of one origin, as this node has seen it since its start. */
const originState = {
  state: z
    .enum(['up', 'degraded', 'down'])
    .describe(
      '`degraded`: the last requests failed, or it asked for a pause; `down`: it is left alone for now.',
    ),
  lastSuccessAt: Instant.nullable(),
  lastFailureAt: Instant.nullable(),
  lastError: z.enum(['connection', 'timeout', 'status', 'paused']).nullable(),
  lastProblem: z.string().nullable().describe('The same in words, such as why it was not reached.'),
  pausedUntil: Instant.nullable().describe('Not asked before then.'),
} as const

const ProxyStatus = z.object({
  enabled: z.boolean().describe('Whether public packages are served.'),
  version: z.string(),
  startedAt: Instant,
  uptimeSeconds: z.int().nonnegative(),
  upstream: z.object({
    url: z.url(),
    ...originState,
    hosts: z
      .array(z.object({ origin: z.string(), ...originState }))
      .describe('All that were asked, those of archives included.'),
  }),
  feed: z.object({
    enabled: z.boolean(),
    lastReadAt: Instant.nullable(),
    lagSeconds: z.int().nonnegative().nullable(),
  }),
  nameList: z.object({
    inUse: z
      .boolean()
      .describe('Whether names that upstream lists nowhere are 404 without asking it.'),
    fetchedAt: Instant.nullable(),
    names: z.int().nonnegative().nullable(),
    problem: z
      .enum([
        'no_feed', // it wouldn't say what has come since
        'not_fetched',
        'no_answer',
        'not_offered',
        'unreadable',
        'too_many',
        'not_compared',
        'partial',
        'feed_late',
      ])
      .nullable()
      .describe(
        'Why it is not in use. `not_compared`: the feed was not read without a gap since before it was fetched; ' +
          '`partial`: it lacks a package that upstream has; `feed_late`: the feed was not read for 3 intervals.',
      ),
  }),
  cache: z.object({
    sizeBytes: bytes.describe('Of the archives in it.'),
    physicalBytes: bytes.describe('What they take on the disk of the database.'),
    maxSizeBytes: bytes,
    archives: z.int().nonnegative(),
    documents: z.int().nonnegative().describe('Metadata files of which there are bytes.'),
    oldestUseAt: Instant.nullable().describe('Of the archive that was not used for the longest.'),
  }),
  log: z.object({
    backend: z.enum(['postgres', 'eventstore']),
    head: z.int().nonnegative().describe('Position of the last event.'),
  }),
  projections: z.array(
    z.object({
      name: z.string(),
      version: z.int(),
      position: z.int().nonnegative(),
      lagEvents: z.int().nonnegative(),
      state: z.enum(['running', 'stopped']),
      error: z.string().nullable(),
    }),
  ),
  frozen: z.array(FrozenPackage),
  settings: z
    .record(
      z.string(),
      z.union([z.string(), z.number(), z.boolean(), z.array(z.string()).readonly(), z.null()]),
    )
    .readonly()
    .describe(
      'Those in force on this node, defaults included. Secrets are `set`, URLs are without credentials, and null is neither ' +
        'set nor has a default.',
    ),
})
export type ProxyStatus = z.infer<typeof ProxyStatus>

export function proxyStatus(readStatus: () => Promise<ProxyStatus>): ApiRoute {
  return endpoint({
    policy: 'admin',
    method: 'get',
    path: '/api/v1/proxy/status',
    id: 'readStatus',
    summary: 'How the proxy is: upstream, cache, log and read models',
    description: 'What is said of upstream and of projections is what this node sees.',
    result: ProxyStatus,
    handle: readStatus,
  })
}
