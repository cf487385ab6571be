import type { Sha256 } from '../events/types.ts'

/** A blob that is there. */
export interface Blob {
  readonly sha256: Sha256
  readonly sizeBytes: number
  /**
   * Its bytes. The last of them are held back until all of them hashed to the blob's
   * name: a reader that gets everything got the right bytes, else the iteration throws.
   */
  readonly bytes: () => AsyncIterable<Buffer>
}

/** Content-addressed bytes of archives: whole, or not there. Every adapter passes the contract suite. */
export interface BlobStore {
  /** Keeps the file's bytes, which must hash to `sha256`; durable once it resolves, harmless to repeat. */
  readonly put: (path: string, sha256: Sha256) => Promise<void>
  readonly find: (sha256: Sha256) => Promise<Blob | undefined>
}
