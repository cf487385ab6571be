import type { Logger } from 'pino'
import { type Blob, BlobLost, type ByteRange } from './blobs.ts'
import type { ArchiveRequest } from './archive.ts'
import type { OpenArchive } from './read-through.ts'

/**
 * Has an archive opened once more for a reader whose blob went away between being found and being read, by
 * eviction or for damage. Once it has got some of its bytes, all that is left is to cut it off.
 */
export function reopening(
  open: OpenArchive,
  logger: Logger,
): (request: ArchiveRequest, blob: Blob) => Blob {
  async function* bytes(
    { request, blob }: { readonly request: ArchiveRequest; readonly blob: Blob },
    range?: ByteRange,
  ): AsyncGenerator<Buffer> {
    let hasBegun = false
    try {
      for await (const piece of blob.bytes(range)) {
        hasBegun = true
        yield piece
      }
    } catch (error) {
      if (!(error instanceof BlobLost)) throw error
      const again = hasBegun ? undefined : await openWhole(request)
      // Other bytes than the answer's head has promised: upstream has made the archive anew.
      if (again?.sha256 !== blob.sha256) {
        logger.warn({ err: error }, 'an archive was cut off')
        throw error
      }
      yield* bytes({ request, blob: again }, range)
    }
  }
  async function openWhole(request: ArchiveRequest): Promise<Blob | undefined> {
    const archive = await open(request)
    return 'sha256' in archive ? archive : await archive.whole
  }
  return (request, blob) => ({ ...blob, bytes: (range) => bytes({ request, blob }, range) })
}
