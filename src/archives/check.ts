import { open } from 'node:fs/promises'
import type { Sha256 } from '../events/types.ts'
import { beginningBytes, beginsLike } from './dist-types.ts'
import { createLine } from '../in-line.ts'
import { inspectZip } from './zip/inspect.ts'

export type Inspected =
  | { readonly ok: true; readonly treeSha256: Sha256 | undefined }
  | { readonly ok: false; readonly problem: string }

/** Each takes memory for what its directory names, and its turns of the event loop; see entries/turns.ts. */
const zipsAtOnceMax = 4
const inLine = createLine(zipsAtOnceMax)

/** Whether a whole download is an archive of its type; only of zips all of it is known. */
export async function inspectArchive(
  path: string,
  { distType, sizeBytes }: { readonly distType: string; readonly sizeBytes: number },
): Promise<Inspected> {
  if (distType === 'zip') return await inLine(async () => await inspectZip(path, sizeBytes))
  const file = await open(path)
  try {
    // What a short file lacks is zeros here, with which no archive begins.
    const beginning = Buffer.alloc(beginningBytes)
    await file.read(beginning, 0, beginningBytes, 0)
    return beginsLike(distType, beginning)
      ? { ok: true, treeSha256: undefined }
      : { ok: false, problem: `it is not a ${distType}` }
  } finally {
    await file.close()
  }
}
