import { open } from 'node:fs/promises'
import type { Sha256 } from '../events/types.ts'
import { beginningBytes, beginsLike, problemOfBeginning, sealedTypeOf } from './dist-types.ts'
import type { SealedType } from './dist-types.ts'
import { createLine } from '../in-line.ts'
import { inspectGzip, inspectTar } from './tar/inspect.ts'
import { inspectZip } from './zip/inspect.ts'

export type Inspected =
  /** The hash is undefined for what is no tree, or couldn't be looked through. */
  | { readonly ok: true; readonly treeSha256: Sha256 | undefined }
  | { readonly ok: false; readonly problem: string }

export interface InspectOptions {
  readonly distType: string
  readonly sizeBytes: number
  /** What may pass without being looked through. */
  readonly uncheckedTypes: readonly SealedType[]
}

/** Each takes memory for its names, and its turns of the event loop; see event-loop.ts. */
const atOnceMax = 4
const inLine = createLine(atOnceMax)

/** Whether a whole download is a sound archive of its type. */
export async function inspectArchive(
  path: string,
  { distType, sizeBytes, uncheckedTypes }: InspectOptions,
): Promise<Inspected> {
  const beginning = await beginningOf(path)
  const problem = problemOfBeginning(distType, beginning, uncheckedTypes)
  if (problem !== undefined && distType !== 'zip') return { ok: false, problem }
  return await inLine(async () => {
    const inspect = inspectors[formOf(distType, beginning)]
    return await inspect(path, sizeBytes)
  })
}

const inspectors = {
  zip: inspectZip,
  tar: inspectTar,
  gzip: inspectGzip,
  none: async (): Promise<Inspected> => ({ ok: true, treeSha256: undefined }),
}

/** As which an archive is looked through; a phar may be one of several. */
function formOf(distType: string, beginning: Buffer): keyof typeof inspectors {
  if (sealedTypeOf(distType, beginning) !== undefined) return 'none'
  if (distType === 'zip' || distType === 'tar' || distType === 'gzip') return distType
  if (distType !== 'phar') return 'none'
  return beginsLike('zip', beginning) ? 'zip' : 'tar'
}

async function beginningOf(path: string): Promise<Buffer> {
  const file = await open(path)
  try {
    // What a short file lacks is zeros here, with which no archive begins.
    const beginning = Buffer.alloc(beginningBytes)
    await file.read(beginning, 0, beginningBytes, 0)
    return beginning
  } finally {
    await file.close()
  }
}
