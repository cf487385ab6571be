import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Sha256 } from '../events/types.ts'
import { discard, tooLarge } from './body.ts'
import type { UpstreamClient } from './client.ts'
import { type NoAnswer, noAnswerOf } from './failures.ts'
import type { Incoming } from './send.ts'

interface Downloaded {
  readonly sha256: Sha256
  /** Lower-case hex, which is what metadata calls `shasum`. */
  readonly sha1: string
  readonly sizeBytes: number
}

export type ArchiveDownload =
  | ({ readonly outcome: 'downloaded' } & Downloaded)
  /** Upstream answered 404 or 410. */
  | { readonly outcome: 'missing'; readonly status: number }
  | NoAnswer

const archiveSizeBytesMax = 512 * 1024 * 1024

/**
 * Downloads into a file, hashing on the way. Doesn't throw for what upstream does.
 *
 * @param request.path of a file that is made, and that the caller removes.
 */
export async function downloadArchive(
  client: UpstreamClient,
  { url, path }: { readonly url: string; readonly path: string },
): Promise<ArchiveDownload> {
  try {
    const { status, body } = await client.ask(url, {
      receive: async (answer) => await receiveInto(path, answer),
    })
    if (status === 200 && body !== undefined) return { outcome: 'downloaded', ...body }
    if (status === 404 || status === 410) return { outcome: 'missing', status }
    return { outcome: 'failed', reason: 'status', status }
  } catch (error) {
    return noAnswerOf(error)
  }
}

async function receiveInto(
  path: string,
  { status, body }: Incoming,
): Promise<Downloaded | undefined> {
  if (status !== 200) return await discard(body)
  const sha256 = createHash('sha256')
  const sha1 = createHash('sha1')
  let sizeBytes = 0
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sizeBytes += chunk.length
      sha256.update(chunk)
      sha1.update(chunk)
      if (sizeBytes > archiveSizeBytesMax) done(tooLarge(archiveSizeBytesMax))
      else done(null, chunk)
    },
  })
  await pipeline(body, measure, createWriteStream(path))
  return { sha256: Sha256.parse(sha256.digest('hex')), sha1: sha1.digest('hex'), sizeBytes }
}
