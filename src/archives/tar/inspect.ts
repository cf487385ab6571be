import type { Sha256 } from '../../events/types.ts'
import { inspectFile, type Inspection } from '../entries/inspection.ts'
import { checkUnpacked } from '../entries/limits.ts'
import { depthOf, staysInside } from '../entries/paths.ts'
import { badEntry } from '../entries/problem.ts'
import { digestAt, digestBytes, type Entry, isFile, treeOf, treeSha256 } from '../entries/tree.ts'
import { createPause } from '../../event-loop.ts'
import { slicesOf, type Window } from '../entries/window.ts'
import { type Entries, readEntries } from './entries.ts'
import { gunzip } from './gunzip.ts'

const gzipMagic = 0x1f8b

/**
 * Looks through a whole tar, which may be packed with gzip, without unpacking it to disk and in bounded
 * memory. Refuses what `inspectZip` refuses; the hash of a tree is the same for both.
 */
export async function inspectTar(
  path: string,
  sizeBytes: number,
): Promise<Inspection<{ readonly treeSha256: Sha256 }>> {
  return await inspectFile({ path, sizeBytes }, async (file) => ({ treeSha256: await look(file) }))
}

/** Unpacks one file that is packed with gzip, to see that it can be and isn't a bomb. */
export async function inspectGzip(
  path: string,
  sizeBytes: number,
): Promise<Inspection<{ readonly treeSha256: undefined }>> {
  return await inspectFile({ path, sizeBytes }, async (file) => {
    const pause = createPause()
    for await (const _ of measured(gunzip(file), file)) await pause()
    return { treeSha256: undefined }
  })
}

async function look(file: Window): Promise<Sha256> {
  const pause = createPause()
  const isPacked = file.sizeBytes > 1 && (await file.bytes(0, 2)).readUInt16BE(0) === gzipMagic
  const unpacked = isPacked ? gunzip(file) : slicesOf(file, { from: 0, to: file.sizeBytes })
  const { entries, digests, links, hardLinks } = await readEntries(measured(unpacked, file), pause)
  const linked = filesOf(hardLinks, { entries, digests })
  const tree = await treeOf([...entries, ...linked], pause)
  // What a link points at is counted from the root, which is all that gets installed.
  const topDepth = tree.root === '' ? 0 : 1
  for (const { entry, target } of links) {
    if (staysInside(target, depthOf(entry.path) - topDepth)) continue
    throw badEntry(entry.number, 'is a link that leads out of the archive')
  }
  return await treeSha256(tree, digests, pause)
}

/** What is unpacked stops as soon as it is too much: all of it counts, headers too. */
async function* measured(
  chunks: AsyncIterable<Buffer>,
  { sizeBytes }: Window,
): AsyncGenerator<Buffer> {
  let unpackedBytes = 0
  for await (const chunk of chunks) {
    unpackedBytes += chunk.length
    checkUnpacked(unpackedBytes, sizeBytes)
    yield chunk
  }
}

/** Hard links as the files that they are. Their digests take their places. */
function filesOf(
  hardLinks: Entries['hardLinks'],
  { entries, digests }: Pick<Entries, 'entries' | 'digests'>,
): readonly Entry[] {
  if (hardLinks.length === 0) return []
  const files = new Map(entries.filter(isFile).map((entry) => [entry.path, entry]))
  return hardLinks.map(({ number, path, target }) => {
    const file = files.get(target)
    if (file === undefined || file.number > number) {
      throw badEntry(number, 'is a hard link to no file before it')
    }
    const at = digestAt(file)
    digests.copy(digests, digestAt({ number }), at, at + digestBytes)
    return { number, path, kind: file.kind }
  })
}
