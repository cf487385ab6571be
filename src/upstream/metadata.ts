import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import type { Got } from 'got'
import { type DocumentName, rootDocument } from '../composer/names.ts'
import type { FetchFailure } from '../events/types.ts'
import { httpDate, type Instant, parseHttpDate } from '../time-machine/instant.ts'
import { failureOf, requestBody, type UpstreamAnswer } from './client.ts'

/** What one conditional request for a document brought. */
export type MetadataAnswer =
  | { readonly outcome: 'body'; readonly body: Buffer; readonly lastModified: Instant | undefined }
  | { readonly outcome: 'not_modified' }
  | { readonly outcome: 'missing'; readonly status: number }
  | { readonly outcome: 'failed'; readonly reason: FetchFailure; readonly status?: number }

/** The largest real document has 1.4 MB; a body past this is no metadata. */
const documentSizeBytesMax = 32 * 1024 * 1024

/**
 * Asks upstream for a document, conditionally when `knownLastModified` is given. The body is what
 * upstream encoded, decoded within the same limit; nothing else about it is checked here. Doesn't
 * throw for what upstream does.
 */
export async function fetchMetadata(
  client: Got,
  upstreamUrl: string,
  request: { readonly document: DocumentName; readonly knownLastModified: Instant | undefined },
): Promise<MetadataAnswer> {
  const { document, knownLastModified } = request
  const path = document === rootDocument ? rootDocument : `p2/${document}.json`
  const headers: Record<string, string> = { 'accept-encoding': 'gzip' }
  if (knownLastModified !== undefined) headers['if-modified-since'] = httpDate(knownLastModified)
  try {
    const answer = await requestBody(client, `${upstreamUrl}/${path}`, {
      headers,
      sizeBytesMax: documentSizeBytesMax,
    })
    return await interpret(answer)
  } catch (error) {
    return { outcome: 'failed', reason: failureOf(error) }
  }
}

async function interpret({ status, headers, body }: UpstreamAnswer): Promise<MetadataAnswer> {
  if (status === 304) return { outcome: 'not_modified' }
  if (status === 404 || status === 410) return { outcome: 'missing', status }
  if (status !== 200) return { outcome: 'failed', reason: 'status', status }
  const decoded = await decode(body, textOf(headers['content-encoding']) ?? 'identity')
  if (decoded === undefined) return { outcome: 'failed', reason: 'invalid_encoding', status }
  const lastModified = parseHttpDate(textOf(headers['last-modified']) ?? '')
  return { outcome: 'body', body: decoded, lastModified }
}

const decoders = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
}

/** undefined when it can't be decoded: cut off, too large once inflated, or encoded more than once. */
export async function decode(body: Buffer, encoding: string): Promise<Buffer | undefined> {
  if (encoding === 'identity') return body
  if (encoding !== 'gzip' && encoding !== 'deflate' && encoding !== 'br') return undefined
  try {
    return await decoders[encoding](body, { maxOutputLength: documentSizeBytesMax })
  } catch {
    return undefined
  }
}

function textOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined
}
