import type { Sha256 } from '../../events/types.ts'
import { digestOf, unpackSmall, type Content } from './content.ts'
import { readDirectory } from './directory.ts'
import { readEnd } from './end-record.ts'
import { findContent } from './local.ts'
import { refuseReadAlike } from './readings.ts'
import { inspectFile, type Inspection } from '../entries/inspection.ts'
import { depthOf, staysInside } from '../entries/paths.ts'
import { BadArchive, badEntry } from '../entries/problem.ts'
import { digestAt, digestBytes, treeOf, treeSha256, type Tree } from '../entries/tree.ts'
import { createPause } from '../../event-loop.ts'
import { sortInTurns } from '../entries/turns.ts'
import type { Window } from '../entries/window.ts'

/**
 * Looks through a whole zip, without unpacking it to disk and in bounded memory. Refuses one that is
 * damaged, that could be read in two ways (each byte has to belong to one entry, and all that is said
 * about it has to agree), that writes outside of its directory, or that is a bomb.
 */
export async function inspectZip(
  path: string,
  sizeBytes: number,
): Promise<Inspection<{ readonly treeSha256: Sha256 }>> {
  return await inspectFile({ path, sizeBytes }, async (file) => ({
    treeSha256: await inspect(file),
  }))
}

async function inspect(file: Window): Promise<Sha256> {
  const pause = createPause()
  const end = await readEnd(file)
  const entries = await readDirectory(file, end, pause)
  const tree = await treeOf(entries, pause)
  await refuseReadAlike(entries, pause)
  const sorted = await sortInTurns(entries, (one, other) => one.offset - other.offset, pause)
  if ((sorted[0]?.offset ?? end.directoryOffset) !== 0) {
    throw new BadArchive('something stands before its first entry')
  }
  const digests = Buffer.alloc(entries.length * digestBytes)
  for (const [index, entry] of sorted.entries()) {
    const next = sorted[index + 1]?.offset ?? end.directoryOffset
    const content = { entry, offset: await findContent(file, entry, next) }
    if (entry.kind === 'link') await checkTarget(file, content, tree)
    digests.write(await digestOf(file, content, pause), digestAt(entry), 'hex')
    await pause()
  }
  return await treeSha256(tree, digests, pause)
}

/** What a link points at is counted from the root, which is all that gets installed. */
async function checkTarget(file: Window, content: Content, { root }: Tree): Promise<void> {
  const { number, path } = content.entry
  const target = (await unpackSmall(file, content)).toString('latin1')
  const depth = depthOf(path) - (root === '' ? 0 : 1)
  if (!staysInside(target, depth)) throw badEntry(number, 'is a link that leads out of the archive')
}
