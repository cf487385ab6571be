import { type DocumentName, rootDocument } from '../composer/names.ts'
import { httpDate, type Instant, parseHttpDate } from '../time-machine/instant.ts'
import { requestBody, type UpstreamClient } from './client.ts'
import { decode } from './encoding.ts'
import { type NoAnswer, noAnswerOf } from './failures.ts'
import type { UpstreamAnswer } from './exchange.ts'

/** What one conditional request for a document brought; `paused`: it wasn't made. */
export type MetadataAnswer =
  | { readonly outcome: 'body'; readonly body: Buffer; readonly lastModified: Instant | undefined }
  | { readonly outcome: 'not_modified' }
  | { readonly outcome: 'missing'; readonly status: number }
  | NoAnswer

/** The largest real document has 1.4 MB. */
const documentSizeBytesMax = 8 * 1024 * 1024

/** Where upstream has a document; not for the summary of its lists, which its root file says. */
export function documentUrl(upstreamUrl: string, document: DocumentName): string {
  return `${upstreamUrl}/${document === rootDocument ? rootDocument : `p2/${document}.json`}`
}

/**
 * Asks upstream for a document, conditionally when `knownLastModified` is given. The body is what
 * upstream encoded, decoded within the same limit; nothing else about it is checked here. Doesn't
 * throw for what upstream does.
 */
export async function fetchMetadata(
  client: UpstreamClient,
  url: string,
  knownLastModified: Instant | undefined,
): Promise<MetadataAnswer> {
  const headers: Record<string, string> = { 'accept-encoding': 'gzip' }
  if (knownLastModified !== undefined) headers['if-modified-since'] = httpDate(knownLastModified)
  try {
    const answer = await requestBody(client, url, { headers, sizeBytesMax: documentSizeBytesMax })
    return await interpret(answer, knownLastModified !== undefined)
  } catch (error) {
    return noAnswerOf(error, url)
  }
}

async function interpret(
  answer: UpstreamAnswer<Buffer>,
  isConditional: boolean,
): Promise<MetadataAnswer> {
  const { status, headers, body, why } = answer
  // "Not modified" to a question that named no date: upstream contradicts itself.
  if (status === 304 && isConditional) return { outcome: 'not_modified' }
  if (status === 404 || status === 410) return { outcome: 'missing', status }
  if (status !== 200 || body === undefined) {
    return { outcome: 'failed', reason: 'status', status, why }
  }
  const decoded = await decode(body, headers['content-encoding'], documentSizeBytesMax)
  if (decoded === undefined) {
    const cause = 'invalid_encoding'
    return { outcome: 'failed', reason: cause, status, why: { ...why, cause } }
  }
  return {
    outcome: 'body',
    body: decoded,
    lastModified: parseHttpDate(headers['last-modified'] ?? ''),
  }
}
