import type { Sha256 } from '../events/types.ts'

/** From the byte at `from` up to, and without, the one at `to`; within the blob and not empty. */
export interface ByteRange {
  readonly from: number
  readonly to: number
}

/** A blob that was found can't be read any more: it was evicted, or is damaged. Ask for it anew. */
export class BlobLost extends Error {
  override readonly name = 'BlobLost'
  readonly isCorrupt: boolean

  constructor(message: string, { isCorrupt }: { readonly isCorrupt: boolean }) {
    super(message)
    this.isCorrupt = isCorrupt
  }
}

/** A blob that is there. */
export interface Blob {
  readonly sha256: Sha256
  readonly sizeBytes: number
  /**
   * Its bytes. The last of them are held back until all of them hashed to the blob's
   * name: a reader that gets everything got the right bytes, else the iteration throws
   * `BlobLost`, and the store no longer has the blob.
   * A part can't be checked in this way, and comes as it is stored. Nothing is read before
   * the first is asked for.
   *
   * What it gives is good until more is asked for: then its memory is used again.
   */
  readonly bytes: (range?: ByteRange) => AsyncIterable<Buffer>
  /** All its bytes, checked, when they are in memory anyway; not to be changed. */
  readonly held?: Buffer
  /** To be called, if it is there, by who found it and won't read it: it may have been read ahead. */
  readonly leave?: () => void
}

/** A blob whose bytes are in memory, and checked. */
export function heldBlob(sha256: Sha256, held: Buffer): Blob {
  return {
    sha256,
    sizeBytes: held.length,
    held,
    async *bytes(range) {
      yield range === undefined ? held : held.subarray(range.from, range.to)
    },
  }
}

/** All of a blob's bytes at once, checked, as they stay. */
export async function wholeOf({ sizeBytes, bytes }: Blob): Promise<Buffer> {
  const whole = Buffer.allocUnsafeSlow(sizeBytes)
  let gotBytes = 0
  for await (const piece of bytes()) gotBytes += piece.copy(whole, gotBytes)
  return whole
}

export interface PutOptions {
  /** It can't be fetched again from anywhere: never evicted, however it came here before. */
  readonly isPrecious?: boolean
}

/** Content-addressed bytes of archives: whole, or not there. Every adapter passes the contract suite. */
export interface BlobStore {
  /**
   * Keeps the file's bytes, which must hash to `sha256`; durable once it resolves, harmless to repeat.
   * `full`: there is no room for them now, below the cache's own limit; nothing was kept.
   */
  readonly put: (path: string, sha256: Sha256, options?: PutOptions) => Promise<'kept' | 'full'>
  readonly find: (sha256: Sha256) => Promise<Blob | undefined>
}
