import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Observer } from './observer.ts'

/** What is read at the time of a scrape; what is left out could not be read and isn't shown. */
export interface Readings {
  readonly cacheBytes?: { readonly logical: number; readonly physical: number } | undefined
  /** How many events each read model has yet to apply. */
  readonly projectionLagEvents?: ReadonlyMap<string, number> | undefined
  readonly database: { readonly usedConnections: number; readonly waitingRequests: number }
  readonly diskFreeRatio?: number | undefined
  /** By host. */
  readonly breakers: ReadonlyMap<string, 'closed' | 'half_open' | 'open'>
}

export interface Metrics extends Observer {
  /** In Prometheus' text format, of this type. */
  readonly contentType: string
  readonly text: (readings: Readings) => Promise<string>
}

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE'])
const breakerNumbers = { closed: 0, half_open: 1, open: 2 } as const
const requestSeconds = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60]
const upstreamSeconds = [0.02, 0.1, 0.5, 2, 10, 60, 300]

/**
 * Counts what happens on this node. No label takes a value that a client or upstream can choose freely:
 * each series stays in memory for good.
 *
 * @param urls of hosts with a name of their own; all others are `other`.
 */
export function createMetrics(urls: readonly string[]): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const known = new Set(urls.map((url) => new URL(url).host))
  const hostLabel = (host: string): string => (known.has(host) ? host : 'other')
  const counters = createCounters(registry)
  const gauges = createGauges(registry)

  return {
    requestEnded({ method: sent, route = 'none', status, durationMs }) {
      const method = methods.has(sent) ? sent : 'other'
      counters.requests.inc({ route, method, status })
      counters.requestDuration.observe({ route }, durationMs / 1000)
    },
    cacheUsed({ kind, result }) {
      counters.cacheRequests.inc({ kind, result })
    },
    upstreamAsked({ host, status, reason, durationMs }) {
      counters.upstreamRequests.inc({ host: hostLabel(host), status: reason ?? status ?? 'none' })
      counters.upstreamDuration.observe({ host: hostLabel(host) }, durationMs / 1000)
    },
    appended(result, events) {
      counters.appends.inc({ result })
      for (const { type, data } of events) {
        if (type === 'ArchiveEvicted') counters.evictions.inc({ reason: data.reason })
      }
    },
    tokenRefused: () => counters.authFailures.inc(),
    corruptionFound: () => counters.integrityFailures.inc(),
    contentType: registry.contentType,
    async text(readings) {
      const breakers = [...readings.breakers].map(
        ([host, state]) => [hostLabel(host), state] as const,
      )
      setGauges(gauges, { ...readings, breakers: new Map(breakers) })
      return await registry.metrics()
    },
  }
}

function createCounters(registry: Registry) {
  const registers = [registry]
  function counter<Label extends string>(name: string, help: string, labelNames: Label[]) {
    return new Counter<Label>({ name, help, labelNames, registers })
  }
  return {
    requests: counter('http_requests_total', 'Requests of clients, answered or broken off.', [
      'route',
      'method',
      'status',
    ]),
    requestDuration: new Histogram({
      name: 'http_request_duration_seconds',
      help: 'From a request to the end of its answer.',
      labelNames: ['route'],
      buckets: requestSeconds,
      registers,
    }),
    cacheRequests: counter(
      'cache_requests_total',
      'What clients asked for, by where the answer came from.',
      ['kind', 'result'],
    ),
    evictions: counter('cache_evictions_total', 'Archives that this node removed.', ['reason']),
    upstreamRequests: counter(
      'upstream_requests_total',
      'Requests to upstream, redirects and retries counted. Without a whole answer, status says why.',
      ['host', 'status'],
    ),
    upstreamDuration: new Histogram({
      name: 'upstream_duration_seconds',
      help: 'From a request to upstream to the end of its answer.',
      labelNames: ['host'],
      buckets: upstreamSeconds,
      registers,
    }),
    appends: counter('event_append_total', 'Appends to the log; conflicts are decided anew.', [
      'result',
    ]),
    authFailures: counter('auth_failures_total', 'Requests without the token they need.', []),
    integrityFailures: counter(
      'integrity_failures_total',
      'Stored bytes that were not what their name says.',
      [],
    ),
  }
}

type Gauges = ReturnType<typeof createGauges>

function createGauges(registry: Registry) {
  const registers = [registry]
  function gauge<Label extends string>(name: string, help: string, labelNames: Label[]) {
    return new Gauge<Label>({ name, help, labelNames, registers })
  }
  return {
    cacheBytes: gauge('cache_bytes', 'Archives in the cache, and what they take on the disk.', [
      'kind',
    ]),
    projectionLag: gauge('projection_lag_events', 'Events a read model has yet to apply.', [
      'projection',
    ]),
    usedConnections: gauge('db_pool_used', 'Database connections in use.', []),
    waitingRequests: gauge('db_pool_waiting', 'Who waits for a database connection.', []),
    diskFreeRatio: gauge('disk_free_ratio', 'Free part of the disk that DATA_DIR is on.', []),
    breakers: gauge('upstream_breaker_state', '0: asked; 1: being tried; 2: left alone.', ['host']),
  }
}

function setGauges(gauges: Gauges, readings: Readings): void {
  const { cacheBytes, projectionLagEvents = new Map<string, number>(), database } = readings
  for (const gauge of Object.values(gauges)) gauge.reset()
  for (const [kind, bytes] of Object.entries(cacheBytes ?? {})) {
    gauges.cacheBytes.set({ kind }, bytes)
  }
  for (const [projection, events] of projectionLagEvents) {
    gauges.projectionLag.set({ projection }, events)
  }
  gauges.usedConnections.set(database.usedConnections)
  gauges.waitingRequests.set(database.waitingRequests)
  gauges.diskFreeRatio.set(readings.diskFreeRatio ?? Number.NaN)
  for (const [host, state] of readings.breakers) {
    gauges.breakers.set({ host }, breakerNumbers[state])
  }
}
