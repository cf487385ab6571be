import type { Client } from '../access/client.ts'
import type { PackageName } from '../composer/names.ts'
import type { Sha256 } from '../events/types.ts'
import type { Instant } from '../time-machine/instant.ts'
import type { Blob } from './blobs.ts'

/** What a client asks for, in the tokens that Composer puts into a mirror URL. */
export interface ArchiveRequest {
  readonly packageName: PackageName
  readonly versionToken: string
  readonly referenceToken: string
  readonly distType: string
  /** Of the bytes that are asked for; undefined: what metadata says now. */
  readonly sha1?: string | undefined
  /** At whose expense it is looked for when it isn't known; undefined: the service itself wants it. */
  readonly client?: Client
}

/** Where recorded metadata says that an archive is. */
export interface KnownReference {
  readonly version_normalized: string
  readonly reference: string | null
  readonly dist_type: string
  readonly dist_url: string
  readonly shasum: string | null
}

/** What was stored for a request; its blob may have been evicted since. */
export interface StoredArchive {
  readonly sha256: Sha256
  /** null: unknown, as for all that aren't zips. */
  readonly tree_sha256: Sha256 | null
  readonly etag: string | null
  readonly last_modified: Instant | null
  /** When upstream answered about it last. */
  readonly checked_at: Instant
  /** What upstream offers instead of it, and isn't accepted. */
  readonly differed_sha256: Sha256 | null
  /** Other files that somebody accepted in place of its own. */
  readonly accepted_tree_sha256: Sha256 | null
  /** Upstream was seen not to have it any more. */
  readonly missing: boolean
  /** Somebody wants it fetched again. */
  readonly purged: boolean
}

/** An archive that is here. */
export interface Found extends Blob {
  /** To be called when it is given to somebody else as well, which may be done as long as nothing happens. */
  readonly onAgain?: () => void
}

/** An archive that upstream is still sending. */
export interface Arriving {
  /** As upstream announces it, if it does. */
  readonly sizeBytes: number | undefined
  /** Its bytes as they come, the last of them once all are checked; throws when they aren't good. */
  readonly bytes: () => AsyncIterable<Buffer>
  /** The same once it is all here; absent when nothing of it is kept. */
  readonly whole?: Promise<Blob>
}

/** Two nodes, or two requests, that want the same have the same key. */
export function keyOf({
  packageName,
  versionToken,
  referenceToken,
  distType,
  sha1 = '',
}: ArchiveRequest): string {
  return `${packageName} ${versionToken} ${referenceToken} ${distType} ${sha1}`
}
