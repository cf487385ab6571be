import { open } from 'node:fs/promises'
import type { Sha256 } from '../events/types.ts'
import { beginningBytes, beginsLike } from './dist-types.ts'

const localFile = Buffer.from('PK\x03\x04', 'latin1')
const endOfDirectory = Buffer.from('PK\x05\x06', 'latin1')
/** The end record, and the longest comment it can have. */
const endBytesMax = 22 + 65_535

export type Inspected =
  | { readonly ok: true; readonly treeSha256: Sha256 | undefined }
  | { readonly ok: false; readonly problem: string }

/** Whether a whole download is an archive of its type; only of zips all of it is known. */
export async function inspectArchive(
  path: string,
  download: { readonly distType: string; readonly sizeBytes: number },
): Promise<Inspected> {
  const problem = await problemOfArchive(path, download)
  return problem === undefined ? { ok: true, treeSha256: undefined } : { ok: false, problem }
}

/** Returns what is wrong. */
async function problemOfArchive(
  path: string,
  { distType, sizeBytes }: { readonly distType: string; readonly sizeBytes: number },
): Promise<string | undefined> {
  if (distType === 'zip') return await problemOfZip(path, sizeBytes)
  const file = await open(path)
  try {
    // What a short file lacks is zeros here, with which no archive begins.
    const beginning = Buffer.alloc(beginningBytes)
    await file.read(beginning, 0, beginningBytes, 0)
    return beginsLike(distType, beginning) ? undefined : `it is not a ${distType}`
  } finally {
    await file.close()
  }
}

/**
 * Whether a file is a whole zip: it begins with an entry and has its directory's end, which a body
 * that was cut off, or a login page, has not. Reads at most 64 KiB. Returns what is wrong.
 */
async function problemOfZip(path: string, sizeBytes: number): Promise<string | undefined> {
  const file = await open(path)
  try {
    const begin = Buffer.alloc(4)
    await file.read(begin, 0, 4, 0)
    const end = Buffer.alloc(Math.min(endBytesMax, sizeBytes))
    await file.read(end, 0, end.length, sizeBytes - end.length)
    const hasEnd = end.lastIndexOf(endOfDirectory) !== -1
    if (begin.equals(endOfDirectory)) return undefined // an empty archive has nothing but its end
    if (!begin.equals(localFile)) return 'it is not a zip'
    return hasEnd ? undefined : 'the zip is cut off'
  } finally {
    await file.close()
  }
}
