import type { Response } from 'got'
import * as assert from 'uvu/assert'
import type { RecordedEvent } from '../../src/events/types.ts'
import { type Service, type ServiceOptions, startService } from './service.ts'

/** What any advisory may say. */
export const advisory = {
  title: 'Reads files of others',
  affectedVersions: '<9',
  severity: 'high',
} as const
/** Where upstream is asked about advisories. */
export const api = /^\/api\/security-advisories/
// Of acme/log, reported on 2025-04-03; the document changed last on 2026-02-11. */
export const early = 'PKSA-acme-log0-0001'
export const late = 'PKSA-acme-log0-0002'

interface PinnedDocument {
  readonly 'security-advisories': readonly { readonly advisoryId: string }[]
  readonly packages: Readonly<Record<string, readonly { readonly abandoned?: unknown }[]>>
}

interface ServiceWithAdvisories extends Service {
  /** An hour, unless told otherwise: what is fresh now isn't any more. */
  readonly later: (seconds?: number) => void
  /** What was recorded of when advisories were reported. */
  readonly dated: () => Promise<readonly RecordedEvent[]>
}

/** A service with an upstream that has advisories about acme/log. */
export function startWithAdvisories(
  options: ServiceOptions = {},
): () => Promise<ServiceWithAdvisories> {
  return async () => {
    const settings = { PROXY_METADATA_TTL: '60', ...options.settings }
    const service = await startService({ ...options, settings })
    service.upstream.advise('acme/log', { ...advisory, advisoryId: late })
    const { clock, upstream, events } = service
    return {
      ...service,
      later: (seconds = 3600) => {
        clock.advance(seconds)
        upstream.at(`${clock.now().slice(0, 19)}Z`)
      },
      dated: async () => (await events()).filter(({ type }) => type === 'AdvisoriesDated'),
    }
  }
}

export function documentIn({ statusCode, body }: Response<Buffer>): PinnedDocument {
  assert.is(statusCode, 200, body.toString())
  return JSON.parse(body.toString()) as PinnedDocument // what the stub's documents have
}

export const advisoriesIn = (answer: Response<Buffer>): readonly string[] =>
  documentIn(answer)['security-advisories'].map(({ advisoryId }) => advisoryId)

export const headerOf = (answer: Response<Buffer>): string =>
  String(answer.headers['x-time-machine'])

/** The path of a document as of a day. */
export const pin = (day: string, name = 'acme/log'): string => `/at/${day}/p2/${name}.json`

/** All that a client compares. */
export const seen = ({ statusCode, headers, body }: Response<Buffer>): string =>
  JSON.stringify([statusCode, headers['last-modified'], headers['x-time-machine'], body.toString()])
