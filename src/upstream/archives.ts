import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { Sha256 } from '../events/types.ts'
import { httpDate, type Instant, parseHttpDate } from '../time-machine/instant.ts'
import { possibleDate } from '../time-machine/possible-date.ts'
import { discard, tooLarge } from './body.ts'
import type { UpstreamClient } from './client.ts'
import { type NoAnswer, noAnswerOf, UpstreamFailure } from './failures.ts'
import type { Incoming } from './send.ts'

/** What upstream calls the state of an archive; both may be missing. */
export interface Validators {
  readonly etag?: string | undefined
  readonly lastModified?: Instant | undefined
}

/** Where a download's bytes go, as they come. */
export interface ByteSink {
  /**
   * An answer begins: the first one, or one to a question that was asked again because the answer
   * before it broke off. Its bytes come from the first on.
   *
   * @param sizeBytes how many upstream announces, if it does.
   */
  readonly begin: (sizeBytes: number | undefined) => Promise<void>
  /** Returns false for bytes other than those that an answer before had at this place. */
  readonly write: (chunk: Buffer) => Promise<boolean>
  /** Returns false when an answer before had more. */
  readonly end: () => boolean
}

export interface Downloaded extends Validators {
  readonly sha256: Sha256
  /** Lower-case hex, which is what metadata calls `shasum`. */
  readonly sha1: string
  readonly sizeBytes: number
}

export type ArchiveDownload =
  | ({ readonly outcome: 'downloaded' } & Downloaded)
  /** Upstream has what `known` names. */
  | { readonly outcome: 'unchanged' }
  /** Upstream answered 404 or 410. */
  | { readonly outcome: 'missing'; readonly status: number }
  | NoAnswer

export interface ArchiveQuestion {
  readonly url: string
  /** Asks only for another state than the one these name. */
  readonly known: Validators
  readonly into: ByteSink
}

const archiveSizeBytesMax = 512 * 1024 * 1024
/** A longer one is no name but a payload. */
const etagLengthMax = 300

/**
 * Downloads, hashing on the way. Doesn't throw for what upstream does, but for what the sink does.
 *
 * @param askedAt by which dates are held to what can be.
 */
export async function downloadArchive(
  client: UpstreamClient,
  { url, known, into }: ArchiveQuestion,
  askedAt: Instant,
): Promise<ArchiveDownload> {
  const conditions = conditionsOf(known)
  try {
    const { status, headers, body, why } = await client.ask(url, {
      headers: conditions,
      receive: async (answer) => await receiveInto(into, answer),
    })
    // To a question without a condition it would say nothing.
    if (status === 304 && Object.keys(conditions).length > 0) return { outcome: 'unchanged' }
    if (status === 404 || status === 410) return { outcome: 'missing', status }
    if (status === 200 && body !== undefined) {
      return { outcome: 'downloaded', ...body, ...validatorsIn(headers, askedAt) }
    }
    return { outcome: 'failed', reason: 'status', status, why }
  } catch (error) {
    return noAnswerOf(error, url)
  }
}

function conditionsOf({ etag, lastModified }: Validators): Record<string, string> {
  return {
    ...(etag === undefined ? {} : { 'if-none-match': etag }),
    ...(lastModified === undefined ? {} : { 'if-modified-since': httpDate(lastModified) }),
  }
}

function validatorsIn(headers: IncomingHttpHeaders, askedAt: Instant): Validators {
  const { etag = '' } = headers
  const isUsable = /^(?:W\/)?"[\x21\x23-\x7e]*"$/.test(etag) && etag.length <= etagLengthMax
  return {
    etag: isUsable ? etag : undefined,
    lastModified: possibleDate(parseHttpDate(headers['last-modified'] ?? ''), askedAt),
  }
}

async function receiveInto(
  sink: ByteSink,
  { status, headers, body }: Incoming,
): Promise<Downloaded | undefined> {
  if (status !== 200) return await discard(body)
  const arriving: AsyncIterable<Buffer> = body
  const sha256 = createHash('sha256')
  const sha1 = createHash('sha1')
  let sizeBytes = 0
  await sink.begin(announcedBytes(headers))
  for await (const chunk of arriving) {
    sizeBytes += chunk.length
    if (sizeBytes > archiveSizeBytesMax) throw tooLarge(archiveSizeBytesMax)
    sha256.update(chunk)
    sha1.update(chunk)
    if (!(await sink.write(chunk))) throw otherBytes()
  }
  if (!sink.end()) throw otherBytes()
  return { sha256: Sha256.parse(sha256.digest('hex')), sha1: sha1.digest('hex'), sizeBytes }
}

function otherBytes(): UpstreamFailure {
  return new UpstreamFailure('connection_broke_off', 'asked again, upstream sent other bytes')
}

function announcedBytes(headers: IncomingHttpHeaders): number | undefined {
  const { 'content-length': announced = '', 'content-encoding': encoding } = headers
  return encoding === undefined && /^\d{1,15}$/.test(announced) ? Number(announced) : undefined
}
