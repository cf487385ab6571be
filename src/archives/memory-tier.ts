import { LRUCache } from 'lru-cache'
import { createSingleFlight } from '../single-flight.ts'
import { type Blob, type BlobStore, heldBlob, wholeOf } from './blobs.ts'
import type { Sha256 } from '../events/types.ts'

/** Of blobs that are kept: larger ones would push out many that are asked for as often. */
const blobBytesMax = 2 * 1024 * 1024
/** What an entry costs beside its bytes, so that empty blobs count too. */
const entryBytes = 512

/**
 * A blob store that keeps the small blobs that were read last in memory, `bytesMax` in all; 0: none.
 *
 * They are kept once their store gave all their bytes, and so had checked them; many that want the
 * same at once read it once.
 */
export function createMemoryTier(blobs: BlobStore, bytesMax: number): BlobStore {
  if (bytesMax === 0) return blobs
  const kept = new LRUCache<Sha256, Buffer>({
    maxSize: bytesMax,
    sizeCalculation: ({ length }) => length + entryBytes,
  })
  const load = createSingleFlight(
    async (blob: Blob) => {
      const bytes = await wholeOf(blob)
      kept.set(blob.sha256, bytes)
      return bytes
    },
    ({ sha256 }) => sha256,
  )
  const find = createSingleFlight(
    async (sha256: Sha256) => {
      const blob = await blobs.find(sha256)
      if (blob?.held !== undefined) kept.set(sha256, blob.held)
      return blob
    },
    (sha256) => sha256,
  )
  return {
    put: blobs.put,
    async find(sha256) {
      const held = kept.get(sha256)
      if (held !== undefined) return heldBlob(sha256, held)
      const blob = await find(sha256)
      if (blob === undefined || blob.held !== undefined || blob.sizeBytes > blobBytesMax)
        return blob
      return {
        ...blob,
        async *bytes(range) {
          const { from, to } = range ?? { from: 0, to: blob.sizeBytes }
          yield (kept.get(sha256) ?? (await load(blob))).subarray(from, to)
        },
      }
    },
  }
}
