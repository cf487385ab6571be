import { AppError } from '../errors.ts'
import type { Sha256 } from '../events/types.ts'
import type {
  ArchiveDownload,
  ArchiveQuestion,
  ByteSink,
  Downloaded,
  Validators,
} from '../upstream/archives.ts'
import type { KnownReference, StoredArchive } from './archive.ts'
import { inspectArchive, type InspectOptions } from './check.ts'
import { problemOfBeginning, type SealedType } from './dist-types.ts'
import type { Spool } from './spool.ts'

/** A download that is what metadata says, and well-formed. */
export interface Checked extends Downloaded {
  /** Of its files, however they are packed; undefined for what is no tree. */
  readonly treeSha256: Sha256 | undefined
}

export type Brought =
  | { readonly outcome: 'good'; readonly archive: Checked }
  | { readonly outcome: 'refused'; readonly problem: string }
  | Exclude<ArchiveDownload, { readonly outcome: 'downloaded' }>

export interface Bring {
  readonly known: KnownReference
  readonly uncheckedTypes: readonly SealedType[]
  /** Asks only for another state than these name. */
  readonly validators: Validators
  /** Of the spool's file. */
  readonly path: string
  readonly into: ByteSink
}

/** Downloads and checks. Doesn't throw for what upstream does. */
export async function bring(
  { known, uncheckedTypes, validators, path, into }: Bring,
  download: (question: ArchiveQuestion) => Promise<ArchiveDownload>,
): Promise<Brought> {
  const { dist_url: url, dist_type: distType, shasum } = known
  const result = await download({ url, known: validators, into }).catch(refusedBySink)
  if (result.outcome !== 'downloaded') return result
  const { sha1, sizeBytes } = result
  if (shasum !== null && shasum !== sha1) {
    return { outcome: 'refused', problem: `its SHA-1 is ${sha1}, metadata says ${shasum}` }
  }
  const inspected = await inspectArchive(path, { distType, sizeBytes, uncheckedTypes })
  if (!inspected.ok) return { outcome: 'refused', problem: inspected.problem }
  return { outcome: 'good', archive: { ...result, treeSha256: inspected.treeSha256 } }
}

function refusedBySink(error: unknown): Extract<Brought, { readonly outcome: 'refused' }> {
  if (!(error instanceof AppError)) throw error
  return { outcome: 'refused', problem: error.message }
}

/**
 * Writes into a spool, but for what can't be an archive of the type.
 *
 * @param onReadable is called when some of it may be read, with the size that upstream announces.
 */
export function sinkInto(
  spool: Spool,
  { distType, uncheckedTypes }: Pick<InspectOptions, 'distType' | 'uncheckedTypes'>,
  onReadable: (sizeBytes: number | undefined) => void = () => undefined,
): ByteSink {
  let announcedBytes: number | undefined
  let told: { readonly sizeBytes: number | undefined } | undefined
  let isOther = false
  let isFirst = true
  return {
    async begin(sizeBytes) {
      // A client was told the size of an answer before.
      isOther = told !== undefined && sizeBytes !== told.sizeBytes
      announcedBytes = sizeBytes
      isFirst = true
      await spool.rewind()
    },
    async write(chunk) {
      // A login page is told before anybody gets it.
      const problem = isFirst ? problemOfBeginning(distType, chunk, uncheckedTypes) : undefined
      if (problem !== undefined) throw new AppError('archive_invalid', problem)
      isFirst = false
      if (isOther || !(await spool.write(chunk))) return false
      if (told === undefined && spool.readableBytes() > 0) {
        told = { sizeBytes: announcedBytes }
        onReadable(announcedBytes)
      }
      return true
    },
    end: spool.end,
  }
}

/**
 * Whether a download has other files than those that were stored under the same commit. Without a
 * reference nothing says that the files stay the same, and without a tree nobody can tell.
 */
export function differs(
  { reference }: Pick<KnownReference, 'reference'>,
  stored: Pick<StoredArchive, 'tree_sha256' | 'accepted_tree_sha256'> | undefined,
  { treeSha256 }: Pick<Checked, 'treeSha256'>,
): boolean {
  const { tree_sha256: before = null, accepted_tree_sha256: accepted = null } = stored ?? {}
  if (reference === null || before === null || treeSha256 === undefined) return false
  return treeSha256 !== before && treeSha256 !== accepted
}
