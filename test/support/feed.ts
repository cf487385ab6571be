import type { DomainEvent, RecordedEvent } from '../../src/events/types.ts'
import type { Instant } from '../../src/time-machine/instant.ts'
import { type Service, type ServiceOptions, startService } from './service.ts'

type Page = Extract<DomainEvent, { readonly type: 'ChangeFeedRead' }>['data']

/** Of paths that are asked upstream. */
export const feedRequests = /^\/metadata\/changes\.json/
export const metadataRequests = /^\/p2\//

/** Documents that a test has its service know. */
export const log = '/p2/acme/log.json'
export const known = [
  log,
  '/p2/acme/log~dev.json',
  '/p2/acme/http.json',
  '/p2/beta/text.json',
] as const

/** What `describe` opens: a service that follows the feed, when it is told to. */
export function withFeed(options: ServiceOptions = {}): () => Promise<Service> {
  const settings = { PROXY_FEED_INTERVAL: '60' }
  return async () => await startService({ settings, ...options })
}

/** Time goes on, here and upstream. */
export function pass({ clock, upstream }: Service, seconds: number): void {
  clock.advance(seconds)
  upstream.at(secondOf(clock.now()))
}

/** As the stub's clock takes it. */
export function secondOf(instant: Instant): string {
  return `${instant.slice(0, 19)}Z`
}

/** Does something upstream, whose clock goes on by a second with each change. */
export function change({ clock, upstream }: Service, what: () => unknown): void {
  what()
  clock.set(upstream.now())
}

/** One step of a node's job. */
export async function poll(service: Service, node = 0): Promise<void> {
  await service.runJob('change feed', node)
}

/** The pages that were recorded. */
export async function pages({ events }: Service): Promise<readonly Page[]> {
  const all = await events()
  return all.flatMap((event) => (event.type === 'ChangeFeedRead' ? [event.data] : []))
}

export async function eventsFor(
  service: Service,
  document: string,
): Promise<readonly RecordedEvent[]> {
  const events = await service.events()
  return events.filter(({ stream }) => stream === `document-${document}`)
}

/** What upstream was asked for. */
export function paths({ upstream }: Service, match: RegExp): readonly string[] {
  return upstream.requestsFor(match).map(({ path }) => path)
}

/** The confidence of a pinned answer. */
export function wordOf(response: { readonly headers: Record<string, unknown> }): string {
  return String(response.headers['x-time-machine']).split(';')[0] ?? ''
}
