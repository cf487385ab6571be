import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Got } from 'got'
import { type FetchFailure, Sha256 } from '../events/types.ts'
import { failureOf, TooLarge } from './client.ts'

export type ArchiveDownload =
  | {
      readonly outcome: 'downloaded'
      readonly sha256: Sha256
      /** Lower-case hex, which is what metadata calls `shasum`. */
      readonly sha1: string
      readonly sizeBytes: number
    }
  /** Upstream answered 404, 410 or another refusal that won't change by asking again at once. */
  | { readonly outcome: 'missing'; readonly status: number }
  | { readonly outcome: 'failed'; readonly reason: FetchFailure; readonly status?: number }

const archiveSizeBytesMax = 512 * 1024 * 1024
/** A large archive over a slow line takes longer than any metadata, as long as bytes keep coming. */
const transferTimeoutMs = 600_000

export interface DownloadRequest {
  readonly url: string
  /** A file that is made, and that the caller removes. */
  readonly path: string
  /** How long upstream may take for its first byte, and from one to the next. */
  readonly stallTimeoutMs: number
}

/** Downloads into a file, hashing on the way. Doesn't throw for what upstream does. */
export async function downloadArchive(
  client: Got,
  { url, path, stallTimeoutMs }: DownloadRequest,
): Promise<ArchiveDownload> {
  const sha256 = createHash('sha256')
  const sha1 = createHash('sha1')
  let sizeBytes = 0
  let status: number | undefined
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sizeBytes += chunk.length
      sha256.update(chunk)
      sha1.update(chunk)
      if (sizeBytes > archiveSizeBytesMax)
        done(new TooLarge(`more than ${archiveSizeBytesMax} bytes`))
      else done(null, chunk)
    },
  })
  try {
    const download = client.stream(url, {
      timeout: { request: transferTimeoutMs, socket: stallTimeoutMs, response: stallTimeoutMs },
    })
    download.once('response', (response: { readonly statusCode: number }) => {
      status = response.statusCode
      // Its body is an error page; what is read until the status is looked at below is thrown away.
      if (status !== 200) download.destroy()
    })
    await pipeline(download, check, createWriteStream(path))
  } catch (error) {
    if (status !== undefined && status !== 200) return refused(status)
    return { outcome: 'failed', reason: failureOf(error) }
  }
  if (status !== 200) return refused(status ?? 0)
  return {
    outcome: 'downloaded',
    sha256: Sha256.parse(sha256.digest('hex')),
    sha1: sha1.digest('hex'),
    sizeBytes,
  }
}

function refused(status: number): ArchiveDownload {
  if (status === 404 || status === 410) return { outcome: 'missing', status }
  return { outcome: 'failed', reason: 'status', status }
}
